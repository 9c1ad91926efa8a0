import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { metadataEndpoint, watchSpotNotice, type SpotNotice } from './spot-notice.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A metadata service; resolves to its address and the requests it got. */
async function metadata(answer: Answer): Promise<{ endpoint: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function watch(endpoint: string): SpotNotice {
  const notice = watchSpotNotice({ endpoint, everySeconds: 0.01 });
  closers.push(() => notice.stop());
  return notice;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const action = '{"action":"terminate","time":"2026-11-25T14:00:00Z"}';

/** IMDSv2: nothing without a token that it gave. */
function imds({ quiet, tokens = ['first'] }: { quiet: number; tokens?: string[] }): Answer {
  let given: string | undefined;
  let looks = 0;
  return (request, response) => {
    if (request.method === 'PUT' && request.url === '/latest/api/token') {
      given = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']) > 0 ? tokens.shift() : undefined;
      response.writeHead(given === undefined ? 400 : 200).end(given);
    } else if (given === undefined || request.headers['x-aws-ec2-metadata-token'] !== given)
      response.writeHead(401).end();
    else if (looks++ < quiet) response.writeHead(404).end();
    else if (tokens.length > 0) {
      given = undefined;
      response.writeHead(401).end();
    } else response.writeHead(200).end(action);
  };
}

test('where nothing answers, it gives up', async () => {
  const { endpoint, seen } = await metadata((_, response) => response.writeHead(403).end());
  const notice = watch(endpoint);
  await until(() => seen.length === 3);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(seen).toEqual(Array(3).fill('PUT /latest/api/token'));
  expect(notice.signal.aborted).toBe(false);
});

test('a machine that stays says nothing, and one that has answered is asked on through its faults', async () => {
  let broken = 0;
  const good = imds({ quiet: 3 });
  const { endpoint } = await metadata((request, response) => {
    // the second look and the four after it
    if (request.url?.includes('spot') && broken < 6 && broken++ > 0) request.socket.destroy();
    else good(request, response);
  });
  const notice = watch(endpoint);
  await until(() => notice.signal.aborted);
  expect(broken).toBe(6);
  expect(String(notice.signal.reason)).toContain(action);
});

test('a token that has run out is replaced', async () => {
  const { endpoint, seen } = await metadata(imds({ quiet: 1, tokens: ['first', 'second'] }));
  const notice = watch(endpoint);
  await until(() => notice.signal.aborted);
  expect(seen.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
});

test('stopped, it asks no more', async () => {
  const { endpoint, seen } = await metadata(imds({ quiet: Infinity }));
  const notice = watch(endpoint);
  await until(() => seen.length > 2);
  notice.stop();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const before = seen.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen).toHaveLength(before);
});

test('the metadata service is where the SDK looks for it, unless it was switched off', () => {
  expect(metadataEndpoint({})).toBe('http://169.254.169.254');
  expect(metadataEndpoint({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' })).toBe('http://127.0.0.1:1');
  expect(metadataEndpoint({ AWS_EC2_METADATA_DISABLED: 'TRUE' })).toBeUndefined();
});
