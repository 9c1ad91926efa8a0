import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listen, type Listener } from '../../functions/dev-server/listen.ts';
import { parseRange } from '../../shared/local/byte-range.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createDataset, getDataset } from '../../shared/contract/datasets.ts';
import { getUpload, type Upload } from '../../shared/contract/uploads.ts';
import { limits } from '../../shared/limits.ts';
import { sha256Hex } from '../../test/support/send-upload.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';
import { connectTo } from '../server/connect.ts';
import { relayUpload } from './relay-upload.ts';

/** Rows of a little more than one part. */
const row = `${JSON.stringify({ text: 'x'.repeat(2000) })}\n`;
const rows = Buffer.from(row.repeat(Math.ceil(limits.uploadPartBytes / row.length) + 5));
const path = 'data.jsonl';

let there: ServedApi;
let source: Listener;
let api: ApiClient;
/** What the source sends. */
let bytes = rows;
let ranges: string[] = [];
let refusals = 0;
beforeAll(async () => {
  there = await openServedApi();
  api = connectTo({ url: there.url, key: await there.key('blue') });
  source = await listen(0);
  source.serve((request) => {
    const range = parseRange(request.headers.get('range') ?? '', bytes.length);
    ranges.push(request.headers.get('range') ?? '');
    if (request.headers.get('x-link') !== 'fresh' || refusals-- > 0) return new Response('expired', { status: 403 });
    if (typeof range !== 'object') return new Response(Buffer.from(bytes));
    return new Response(Buffer.from(bytes.subarray(range.first, range.last + 1)), { status: 206 });
  });
});
afterAll(async () => {
  await source.close(0);
  await there.close();
});
beforeEach(() => {
  [bytes, ranges, refusals] = [rows, [], 0];
});

const url = (): string => `http://127.0.0.1:${source.port}/file`;
const file = (link = 'fresh') => ({
  path,
  sizeBytes: rows.length,
  sha256: sha256Hex(rows),
  url: url(),
  headers: { 'x-link': link },
});
const wait = async (): Promise<void> => undefined;

async function begin(name: string): Promise<Upload> {
  const body = { name, file: { path, sizeBytes: rows.length, sha256: sha256Hex(rows) } };
  return (await api.call(createDataset, { body })).upload;
}

async function stateOf(dataset: string): Promise<string> {
  await there.settle();
  return (await api.call(getDataset, { params: { dataset } })).state;
}

test('bytes that are not those of the hash are refused where they arrive', async () => {
  bytes = Buffer.from(rows);
  bytes.writeUInt8('y'.charCodeAt(0), 100);
  await relayUpload(api, await begin('damaged'), async () => [file()]);
  expect(await stateOf('damaged')).toBe('rejected');
});

test('a source that goes away leaves what has arrived, and only the rest is asked for again', async () => {
  const upload = await begin('resumed');
  const asks = { wait, onBytes: (count: number) => void (sent += count) };
  let sent = 0;
  there.fault((request) => {
    if (request.method !== 'PUT' || Number(request.headers.get('content-length')) === limits.uploadPartBytes) return;
    return new Response('no', { status: 503 });
  });
  await expect(relayUpload(api, upload, async () => [file()], asks)).rejects.toThrow(/answers 503/);
  there.fault(() => undefined);
  expect(sent).toBe(limits.uploadPartBytes);
  ranges = [];
  await relayUpload(api, await api.call(getUpload, { params: { upload: upload.id } }), async () => [file()], asks);
  expect(ranges).toEqual([`bytes=${limits.uploadPartBytes}-${rows.length - 1}`]);
  expect(sent).toBe(limits.uploadPartBytes + rows.length);
  expect(await stateOf('resumed')).toBe('ready');
});

test('a link that has expired is asked for anew, a source that ignores ranges and a file that is gone are refused', async () => {
  const links = ['stale', 'fresh'];
  await relayUpload(api, await begin('renewed'), async () => [file(links.shift() ?? 'fresh')], { wait });
  expect(await stateOf('renewed')).toBe('ready');
  await expect(relayUpload(api, await begin('gone'), async () => [], { wait })).rejects.toThrow(/no longer has data/);
  bytes = rows.subarray(0, 100);
  await expect(relayUpload(api, await begin('short'), async () => [file()], { wait })).rejects.toThrow(
    /another part|answers 200/,
  );
});
