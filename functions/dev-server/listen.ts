import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { DomainError } from '../../shared/errors.ts';

export interface Listener {
  readonly port: number;
  /** Until then every request waits. */
  serve(fetch: (request: Request, env: unknown) => Response | Promise<Response>): void;
  /** Takes no more requests, waits for those in work, at most `graceMilliseconds`. */
  close(graceMilliseconds: number): Promise<void>;
}

/**
 * Listens on this machine only. The port is known before anything is served, because links are signed for it; 0 takes a free one.
 * Throws `DomainError('port-in-use')`.
 */
export async function listen(port: number): Promise<Listener> {
  let serve: Listener['serve'] = () => undefined;
  const app = new Promise<Parameters<Listener['serve']>[0]>((resolve) => (serve = resolve));
  const answer = getRequestListener(async (request, env) => (await app)(request, env));
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? portInUse(port) : error),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    serve,
    close: (graceMilliseconds) => close(server, graceMilliseconds),
  };
}

async function close(server: Server, graceMilliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMilliseconds);
  await closed;
  clearTimeout(timer);
}

const portInUse = (port: number): DomainError =>
  new DomainError('port-in-use', `Something else listens on port ${port}: stop it, or choose another one with --port.`);
