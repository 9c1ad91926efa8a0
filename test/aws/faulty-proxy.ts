import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request on its way, its body whole. */
export interface PassingRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What becomes of a request instead of its answer. */
export type Fault =
  | Changes
  /** The server does it and answers; the connection is cut before a byte of that comes back. */
  | 'answer lost'
  /** The server does it; the connection is cut in the middle of the answer's body. */
  | 'answer cut'
  /** The connection is cut, and the server never hears of it. */
  | 'request cut'
  /** Nobody hears of it and nobody answers. */
  | 'silence';

/** One of these. */
interface Changes {
  /** It is refused: the server never hears of it. */
  readonly answer?: ProxyAnswer;
  /** The server does it; this is what comes back. */
  readonly doneAnd?: ProxyAnswer;
  /** Something else comes to the server. */
  readonly instead?: Buffer;
  /** Something else comes back. */
  readonly altered?: (body: Buffer) => Buffer;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Undefined: the request goes through. */
export type Plan = (request: PassingRequest) => Fault | undefined;

export interface FaultyProxy {
  readonly url: string;
  /** What happens from now on. */
  plan: Plan;
  /** How many bytes of a request's body come before the connection is cut; asked when its head has come. The server never hears of it. */
  cutAfter: (head: Omit<PassingRequest, 'body'>) => number | undefined;
  /** Requests that met a fault, by kind. */
  readonly met: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** Stands in front of a server of this machine and does with each request what the plan says. The host that was signed stays. */
export async function startFaultyProxy(target: string, plan: Plan = () => undefined): Promise<FaultyProxy> {
  const met: Record<string, number> = {};
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  const meet = (kind: string): void => void (met[kind] = (met[kind] ?? 0) + 1);
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/', headers } = request;
    const most = proxy.cutAfter({ method, url, headers }) ?? Infinity;
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request) {
      chunks.push(chunk as Buffer); // no encoding is set
      length += chunks.at(-1)?.byteLength ?? 0;
      if (length <= most) continue;
      meet('body cut');
      return void request.socket.destroy();
    }
    const passing: PassingRequest = { method, url, headers, body: Buffer.concat(chunks) };
    const fault: Fault | undefined = proxy.plan(passing);
    if (fault !== undefined) meet(typeof fault === 'string' ? fault : (Object.keys(fault)[0] ?? ''));
    if (fault === 'silence') return;
    if (fault === 'request cut') return void request.socket.destroy();
    const say = (said: ProxyAnswer): void => void response.writeHead(said.status, said.headers).end(said.body);
    const { answer: refusal, instead, doneAnd, altered } = typeof fault === 'object' ? fault : {};
    if (refusal) return say(refusal);
    const answer = await forward(target, instead === undefined ? passing : { ...passing, body: instead });
    if (fault === 'answer lost') return void request.socket.destroy();
    if (doneAnd) return say(doneAnd);
    const body = altered ? altered(answer.body) : answer.body;
    response.writeHead(answer.status, { ...answer.headers, 'content-length': lengthOf(answer, method, body) });
    if (fault !== 'answer cut') return void response.end(method === 'HEAD' ? undefined : body);
    response.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => request.socket.destroy());
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan,
    cutAfter: () => undefined,
    met,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Asks the server itself, on a connection of its own. */
async function forward(target: string, { method, url, headers, body }: PassingRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // what is whole already waits for no permission
    const { expect: _expect, connection: _connection, 'transfer-encoding': _encoding, ...sent } = headers;
    const options = { method, agent: false, headers: { ...sent, 'content-length': body.byteLength } };
    const request = sendRequest(new URL(url, target), options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { 'transfer-encoding': _coding, connection: _ending, ...rest } = response.headers;
        resolve({ status: response.statusCode ?? 502, headers: rest, body: Buffer.concat(chunks) });
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** The length that is announced: an answer to HEAD tells of a body that does not come. */
function lengthOf({ headers }: Answer, method: string, body: Buffer): number | string {
  return method === 'HEAD' ? (headers['content-length'] ?? 0) : body.byteLength;
}
