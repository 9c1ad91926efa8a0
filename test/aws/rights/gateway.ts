import { createServer, request as overHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as overTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { callsOfRequest, serviceOf, type WireRequest } from './calls-of-request.ts';
import type { RecordedCall } from './recorded-call.ts';
import { signAgain } from './sign-again.ts';

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

export interface GatewayOptions {
  /** Where the services answer, by the name that requests are signed for. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Services that answer here. */
  readonly own?: Readonly<Record<string, (request: WireRequest) => Promise<WireAnswer>>>;
  /** Told of each request and of the rights that it needs; `pass` asks the service. What it returns is answered. */
  readonly around: (
    calls: readonly RecordedCall[],
    request: WireRequest,
    pass: () => Promise<WireAnswer>,
  ) => Promise<WireAnswer>;
  /** A request that could not be read or passed on: a gap of these tests. */
  readonly onError: (error: unknown) => void;
}

export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * All of AWS at one address, for one of those that speak to it: passes each request on as it is, so that its signature holds, and tells of
 * the rights that it needs.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const server = createServer((message, response) => {
    answer(options, message, response).catch((error: unknown) => {
      options.onError(error);
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server has one
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(options: GatewayOptions, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url: path = '', headers } = message;
  const body = await bytesOf(message);
  const request = { method, path, headers: headers as WireRequest['headers'], body };
  const calls = callsOfRequest(request);
  const service = serviceOf(request);
  const upstream = options.upstreams[service];
  const ask =
    options.own?.[service] ??
    (upstream === undefined ? undefined : (one: WireRequest) => passOn(upstream, signAgain(one)));
  if (!ask) throw new Error(`nobody answers for ${service}`);
  const { status, headers: answered, body: bytes } = await options.around(calls, request, () => ask(request));
  response.writeHead(status, answered).end(bytes);
}

/** With the host that was asked, which is signed. */
async function passOn(upstream: string, { method, path, headers, body }: WireRequest): Promise<WireAnswer> {
  const { expect: _answeredHere, 'transfer-encoding': _whole, connection: _ours, ...rest } = headers;
  return new Promise((resolve, reject) => {
    const url = new URL(path, upstream);
    const outgoing = (url.protocol === 'https:' ? overTls : overHttp)(
      url,
      { method, headers: { ...rest, 'content-length': String(body.byteLength) } },
      (incoming) => {
        bytesOf(incoming).then((bytes) => {
          const { 'transfer-encoding': _sentWhole, connection: _theirs, ...answered } = incoming.headers;
          // the answer to HEAD tells a length and has no bytes
          const length = method === 'HEAD' ? {} : { 'content-length': String(bytes.byteLength) };
          resolve({ status: incoming.statusCode ?? 500, headers: { ...answered, ...length }, body: bytes });
        }, reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function bytesOf(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
