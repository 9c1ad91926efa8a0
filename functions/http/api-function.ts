import { Hono } from 'hono';
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import type { ApiDeps } from './api-deps.ts';
import { createApi } from './create-api.ts';
import type { Handler } from './handler.ts';
import { eventFunction, reportFailure, type LambdaTools } from './lambda-tools.ts';
import { secureHeaders } from './secure-headers.ts';

export interface ApiFunctionOptions extends LambdaTools {
  readonly deps: ApiDeps;
  /** What this function answers. */
  readonly handlers: readonly Handler[];
  /** Pages that it shows beside. */
  readonly pages?: Hono;
}

/** A Lambda function behind an HTTP API. An answer is whole before it is sent: such an API does not stream. */
export function apiFunction({ deps, handlers, pages, ...tools }: ApiFunctionOptions) {
  const api = createApi(deps, handlers, {
    beside: pages?.routes ?? [],
    onError: (error, requestId) => reportFailure(tools, `${requestId} failed`, error),
    addressOf: (_, headers) => lastHops(headers),
  });
  const app = new Hono().use(secureHeaders);
  if (pages) app.route('/', pages);
  const answer = handle(app.mount('/', (request) => api.fetch(request)));
  return async (event: LambdaEvent, context?: LambdaContext) =>
    eventFunction(tools, (asked: LambdaEvent) => answer(asked, context))(event);
}

/**
 * The last two that a call came through: its sender, as CloudFront saw it, and CloudFront, as the API saw it. Who goes round CloudFront can
 * make up the first, and is the second.
 */
function lastHops(headers: Headers): string | undefined {
  const hops = headers.get('x-forwarded-for')?.split(',').slice(-2);
  return hops?.map((hop) => hop.trim().slice(0, addressCharsMax)).join(', ');
}

/** Of an IPv6 address, with a zone. */
const addressCharsMax = 64;
