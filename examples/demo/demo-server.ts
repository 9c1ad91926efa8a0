import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { connectTo } from '../../cli/server/connect.ts';
import { findKey, type Environment } from '../../cli/server/credentials.ts';
import { startServer } from '../../functions/dev-server/start-server.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { DomainError } from '../../shared/errors.ts';

/** A server that the demo works with. */
export interface DemoServer {
  readonly api: ApiClient;
  /** Begins all names, where others may have things under the plain ones. */
  readonly prefix: string;
  stop(): Promise<void>;
}

/** A server of the demo's own on this machine. */
export async function startDemoServer(options: {
  /** For its data; new. */
  readonly folder: string;
  /** Folder of the base, which it may read. */
  readonly base: string;
  readonly note: (text: string) => void;
}): Promise<DemoServer> {
  const { folder, base, note } = options;
  const server = await startServer({
    folder,
    port: 0,
    environment: { ...process.env, LORARY_ALLOWED_ROOTS: dirname(base) },
    current: folder,
    log: (message, error) => note(`${message}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const { url, key = '' } = server; // the folder is new, so this start has made one
  return { api: connectTo({ url, key }), prefix: '', stop: () => server.stop() };
}

/** A server that runs elsewhere, with `LORARY_KEY` or the key of a login there. What the demo makes stays there. */
export async function reachServer(address: string, environment: Environment): Promise<DemoServer> {
  if (!URL.canParse(address) || !/^https?:/.test(address))
    throw new DomainError('usage', `"${address}" is no address of a server; wanted is --server http://HOST:PORT`);
  const url = address.replace(/\/+$/, '');
  const key = await findKey({ LORARY_URL: url, ...environment }, url);
  if (key === undefined)
    throw new DomainError(
      'no-server',
      `There is no key for ${url}: set LORARY_KEY, or log in with: lorary login --url ${url}`,
    );
  return {
    api: connectTo({ url, key }),
    prefix: `demo-${randomBytes(3).toString('hex')}-`,
    stop: async () => undefined,
  };
}
