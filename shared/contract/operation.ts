import { createRoute, z } from '@hono/zod-openapi';
import { problemSchema } from './fields.ts';
import type { RequiredScope } from './scopes.ts';

/** What one call of the API is: everything that server, OpenAPI document, client and command line need to know of it. */
export interface Operation<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  readonly operationId: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI's spelling, e.g. `/v1/adapters/{adapter}`. */
  readonly path: string;
  readonly tag: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  readonly scope: RequiredScope;
  readonly status: 200 | 201 | 202 | 204;
  readonly params: Params;
  readonly query: Query;
  /** `z.undefined()` where there is none. */
  readonly body: Body;
  readonly output: Output;
  /** Whether it makes something and therefore takes an `Idempotency-Key`. */
  readonly creates: boolean;
  /** Whether asking again does no more than asking once: where no answer came, the same call may be sent again. */
  readonly repeatable: boolean;
  /** Whether it may be about an adapter that another team shares, which it then only reads; every other one is refused that. */
  readonly readsShared: boolean;
  /** Codes of the errors that are its own, beside those that any call can have. */
  readonly errors: readonly string[];
}

/** What the function behind an operation gets. */
export interface OperationInput<O extends Operation> {
  readonly params: z.output<O['params']>;
  readonly query: z.output<O['query']>;
  readonly body: z.output<O['body']>;
}

/** What is given to call it. */
export interface OperationCall<O extends Operation> {
  readonly params: z.input<O['params']>;
  readonly query: z.input<O['query']>;
  readonly body: z.input<O['body']>;
}

export type OperationOutput<O extends Operation> = z.output<O['output']>;

/** Of params and queries that there are none of. */
export const nothing = z.object({});

/** Defines an operation; what is left out has no params, query, body or own errors, answers 200, makes nothing, and may be repeated unless it is a POST. */
export function operation<
  Params extends z.ZodObject = typeof nothing,
  Query extends z.ZodObject = typeof nothing,
  Body extends z.ZodType = z.ZodUndefined,
  Output extends z.ZodType = z.ZodUndefined,
>(
  given: Pick<Operation, 'operationId' | 'method' | 'path' | 'tag' | 'summary' | 'description' | 'scope'> & {
    readonly status?: Operation['status'];
    readonly creates?: boolean;
    readonly repeatable?: boolean;
    readonly readsShared?: boolean;
    readonly errors?: readonly string[];
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly output?: Output;
  },
): Operation<Params, Query, Body, Output> {
  const { status = 200, creates = false, errors = [], params, query, body, output, ...rest } = given;
  return {
    repeatable: given.method !== 'post' || creates,
    readsShared: false,
    ...rest,
    status,
    creates,
    errors,
    // absent exactly where the type parameter has its default
    params: params ?? (nothing as unknown as Params),
    query: query ?? (nothing as unknown as Query),
    body: body ?? (z.undefined() as unknown as Body),
    output: output ?? (z.undefined() as unknown as Output),
  };
}

/** The operation as a route of `@hono/zod-openapi`. */
export function routeOf(given: Operation) {
  const { operationId, method, path, tag, summary, description, scope, status, params, query, body, output } = given;
  const hasOutput = !(output instanceof z.ZodUndefined);
  return createRoute({
    operationId,
    method,
    path,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(scope === 'public' ? { security: [] } : { security: [{ key: scope === 'any' ? [] : [scope] }] }),
    'x-scope': scope,
    request: {
      params,
      query,
      ...(given.creates ? { headers: z.object({ 'idempotency-key': z.string().max(255).optional() }) } : {}),
      ...(body instanceof z.ZodUndefined
        ? {}
        : { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: {
      [status]: {
        description: summary,
        ...(hasOutput ? { content: { 'application/json': { schema: output } } } : {}),
      },
      default: {
        description: `A problem${given.errors.length > 0 ? `; its own codes: ${given.errors.join(', ')}` : ''}`,
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    },
  });
}
