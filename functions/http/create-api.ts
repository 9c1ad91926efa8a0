import { createHash } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { routeOf, type Operation, type OperationInput } from '../../shared/contract/operation.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { createKeyUses, type NoteUse } from '../../shared/records/api-key-uses.ts';
import { AlreadyDoneError, findDone, newId } from '../../shared/records/commit.ts';
import type { Caller, CallOrigin } from '../../shared/records/caller.ts';
import { prefixView } from '../../shared/records/prefix-view.ts';
import { allowedMethods, type Route } from './allowed-methods.ts';
import type { ApiDeps } from './api-deps.ts';
import { authenticate } from './authenticate.ts';
import type { Handler } from './handler.ts';
import { createDeniedNotes, DeniedKeyError, type DeniedCaller, type NoteDenied } from './note-denied.ts';
import { isDenial, problemResponse } from './problem.ts';
import { readInput } from './read-input.ts';
import { refuseShared } from './refuse-shared.ts';
import { createRequestRates, type Admit } from './request-rates.ts';

export interface ApiOptions {
  /** Told of every call that ended in our own bug, and of what was unavailable. */
  readonly onError?: (error: unknown, requestId: string) => void;
  /** What is answered beside, by the same server: a method that such a path does not take is refused here. */
  readonly beside?: readonly Route[];
  /** Where a call comes from, by what the server that took it tells (`c.env`) and its headers; absent: that is not known. */
  readonly addressOf?: (env: unknown, headers: Headers) => string | undefined;
}

/** An app that answers the operations of these handlers: read the caller, the input, run, answer. */
export function createApi(deps: ApiDeps, handlers: readonly Handler[], options: ApiOptions = {}): OpenAPIHono {
  const app = new OpenAPIHono();
  const notes: Notes = {
    denied: createDeniedNotes(deps.world),
    use: createKeyUses(deps.world),
    admit: createRequestRates(deps.world),
  };
  const answer = async (work: (requestId: string) => Promise<Response>): Promise<Response> => {
    const requestId = newId(deps.world, 'req');
    try {
      const response = await work(requestId);
      response.headers.set('x-request-id', requestId);
      return response;
    } catch (error) {
      if (!(error instanceof DomainError)) options.onError?.(error, requestId);
      return problemResponse(error, requestId);
    }
  };
  for (const handler of handlers) {
    const route = routeOf(handler.operation);
    app.openAPIRegistry.registerPath(route);
    app.on(handler.operation.method.toUpperCase(), route.getRoutingPath(), (c) =>
      answer((requestId) => call(deps, handler, c, { requestId, from: originOf(c, options) }, notes, options)),
    );
  }
  const routes = [...handlers.map(({ operation }) => operation), ...(options.beside ?? [])];
  app.notFound(async (c) => {
    const { method, path } = c.req;
    const allowed = allowedMethods(routes, path);
    const response = await answer(() => Promise.reject(notAnswered(method, path, allowed)));
    if (allowed.length > 0) response.headers.set('allow', allowed.join(', '));
    return response;
  });
  return app;
}

function notAnswered(method: string, path: string, allowed: readonly string[]): DomainError {
  return allowed.length > 0
    ? new DomainError('method-not-allowed', `There is no ${method} ${path}: it takes ${allowed.join(', ')}.`)
    : new DomainError('not-found', `There is no ${method} ${path}.`);
}

/** What looks at every call beside those that answer it. */
interface Notes {
  readonly denied: NoteDenied;
  readonly use: NoteUse;
  readonly admit: Admit;
}

/** What is known of a call before its key is looked at. */
interface Incoming {
  readonly requestId: string;
  readonly from: CallOrigin;
}

async function call(
  deps: ApiDeps,
  handler: Handler,
  c: Context,
  incoming: Incoming,
  notes: Notes,
  { onError }: ApiOptions,
): Promise<Response> {
  const { operation } = handler;
  let known: DeniedCaller | undefined;
  try {
    const told = (caller: Caller): void => {
      known = caller;
      notes.use(caller.keyId);
    };
    return await run(deps, handler, c, incoming, { told, admit: notes.admit });
  } catch (error) {
    if (error instanceof DeniedKeyError) known = { ...error.denied, ...incoming, operation: operation.operationId };
    if (known && error instanceof DomainError && isDenial(error))
      // the answer is a refusal, whether or not it could be noted
      await notes
        .denied(known, operation, c.req.path, error)
        .catch((failed: unknown) => onError?.(failed, incoming.requestId));
    throw error;
  }
}

async function run(
  deps: ApiDeps,
  handler: Handler,
  c: Context,
  { requestId, from }: Incoming,
  { told, admit }: { readonly told: (caller: Caller) => void; readonly admit: Admit },
): Promise<Response> {
  const { operation } = handler;
  if (operation.scope === 'public') throw new Error(`${operation.operationId} has no handler without a caller`);
  const found = await authenticate(deps.world, c.req.header('authorization'), operation.scope, requestId, admit);
  const known: Caller = { ...found, operation: operation.operationId, from };
  told(known);
  const input = await readInput(operation, c);
  const caller = withIdempotency(known, operation, input, c.req.header('idempotency-key'));
  const seen = depsFor(deps, caller);
  await refuseShared(seen.world.table, caller.team, operation, input.params);
  const output = await runOnce(seen, handler, caller, input, c.req.raw.headers);
  if (output instanceof Response) return output;
  return output === undefined
    ? new Response(null, { status: operation.status === 204 ? 204 : operation.status })
    : Response.json(output, { status: operation.status });
}

function originOf(c: Context, { addressOf }: ApiOptions): CallOrigin {
  const address = addressOf?.(c.env, c.req.raw.headers);
  const userAgent = c.req.header('user-agent')?.slice(0, limits.userAgentCharsMax);
  return { ...(address === undefined ? {} : { address }), ...(userAgent ? { userAgent } : {}) };
}

/** What exists for the caller. */
function depsFor(deps: ApiDeps, caller: Caller): ApiDeps {
  if (caller.adapterPrefix === undefined) return deps;
  return { ...deps, world: { ...deps.world, table: prefixView(deps.world.table, caller) } };
}

/** A repeated creation answers what it made the first time. */
async function runOnce(
  deps: ApiDeps,
  handler: Handler,
  caller: Caller,
  input: OperationInput<Operation>,
  headers: Headers,
): Promise<unknown> {
  const { idempotency } = caller;
  if (!idempotency || !handler.replay) return handler.run(deps, caller, input, headers);
  const replay = async (): Promise<{ readonly output: unknown } | undefined> => {
    const done = await findDone(deps.world.table, caller, idempotency);
    if (!done) return undefined;
    if (done.operationId !== idempotency.operationId || done.requestHash !== idempotency.requestHash)
      throw new DomainError(
        'idempotency-mismatch',
        'This Idempotency-Key was used for another call: choose a new one for each thing that you make.',
      );
    return { output: await handler.replay?.(deps, caller, done.created, input) };
  };
  const before = await replay();
  if (before) return before.output;
  try {
    return await handler.run(deps, caller, input, headers);
  } catch (error) {
    if (!(error instanceof AlreadyDoneError)) throw error;
    const done = await replay();
    if (!done) throw error;
    return done.output;
  }
}

function withIdempotency(
  caller: Caller,
  operation: Operation,
  input: OperationInput<Operation>,
  key: string | undefined,
): Caller {
  if (!operation.creates || key === undefined) return caller;
  if (key.length === 0 || key.length > limits.idempotencyKeyCharsMax)
    throw new DomainError(
      'invalid-request',
      `An Idempotency-Key has 1 to ${limits.idempotencyKeyCharsMax} characters; this one has ${key.length}.`,
    );
  const { operationId } = operation;
  return {
    ...caller,
    idempotency: { keyHash: sha256(key), operationId, requestHash: sha256(JSON.stringify(input)) },
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
