import type { MiddlewareHandler } from 'hono';
import { DomainError } from '../../shared/errors.ts';
import { newId } from '../../shared/records/commit.ts';
import type { World } from '../../shared/platform/ports.ts';
import { problemResponse } from '../http/problem.ts';

/**
 * Lets only this machine's own requests in. A page of another site can have its name resolve to 127.0.0.1 (DNS rebinding) and send
 * requests here; their `Host`, or their `Origin`, then tells.
 */
export function refuseForeign(world: Pick<World, 'randomBytes'>, port: number): MiddlewareHandler {
  const hosts = new Set(['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`));
  const origins = new Set([...hosts].map((host) => `http://${host}`));
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    const origin = c.req.header('origin');
    if (hosts.has(host) && (origin === undefined || origins.has(origin))) return next();
    const what = hosts.has(host) ? `a page of ${origin}` : `the name "${host}"`;
    const error = new DomainError(
      'foreign-origin',
      `This server answers its own machine only, not ${what}: call it as http://127.0.0.1:${port}.`,
    );
    return problemResponse(error, newId(world, 'req'));
  };
}
