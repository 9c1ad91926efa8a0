import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that speaks the read side of the hub's protocol on this machine alone. */
export interface SmallHub {
  readonly url: string;
  /** Method and path of every call, in order. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

export interface HubModel {
  readonly commit: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** What is sent instead of a file's content. */
  readonly sent?: Readonly<Record<string, Uint8Array>>;
  readonly token?: string;
}

export async function startSmallHub(models: Readonly<Record<string, HubModel>>): Promise<SmallHub> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${(request.url ?? '').split('?')[0]}`);
    answer(models, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(models: Readonly<Record<string, HubModel>>, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
  const [, id = '', rest = ''] = /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(.*)$/.exec(path) ?? [];
  const model = models[id];
  if (!model || (model.token !== undefined && request.headers.authorization !== `Bearer ${model.token}`))
    return json(response, 401, { error: 'Repository not found' });
  if (path.startsWith('/api/') && rest.startsWith('revision/'))
    return json(response, 200, {
      _id: '0'.repeat(24),
      id,
      sha: model.commit,
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: '2026-01-01T00:00:00.000Z',
    });
  if (path.startsWith('/api/') && rest.startsWith(`tree/${model.commit}`))
    return json(response, 200, Object.entries(model.files).map(treeEntry));
  const name = rest.replace(`resolve/${model.commit}/`, '');
  const content = model.sent?.[name] ?? model.files[name];
  if (!content) return json(response, 404, { error: 'Entry not found' }, { 'X-Error-Code': 'EntryNotFound' });
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const [from, to] = [Number(first), last === '' ? content.length - 1 : Number(last)];
  const headers = {
    ETag: `"${sha256(content)}"`,
    'X-Repo-Commit': model.commit,
    'Content-Type': 'application/octet-stream',
  };
  if (request.headers.range === undefined)
    response.writeHead(200, { ...headers, 'Content-Length': content.length }).end(content);
  else
    response
      .writeHead(206, {
        ...headers,
        'Content-Range': `bytes ${from}-${to}/${content.length}`,
        'Content-Length': to - from + 1,
      })
      .end(content.subarray(from, to + 1));
}

function treeEntry([path, content]: [string, Uint8Array]): object {
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const lfs = path.endsWith('.safetensors')
    ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } }
    : {};
  return { type: 'file', path, size: content.length, oid, ...lfs };
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
