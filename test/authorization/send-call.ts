import type { Operation } from '../../shared/contract/operation.ts';
import type { LocalApi } from '../support/local-api.ts';
import type { Call } from './calls.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Without the id of the call. */
  readonly headers: readonly (readonly [string, string])[];
}

/** Calls an operation as a client does that knows nothing of it but its place. `at`: the address of the API. */
export async function sendCall(
  { fetch }: Pick<LocalApi, 'fetch'>,
  at: string,
  operation: Operation,
  { params = {}, query = {}, body }: Call,
  authorization?: string,
): Promise<Answer> {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  const response = await fetch(`${at}${path}?${new URLSearchParams(query).toString()}`, {
    method: operation.method.toUpperCase(),
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
  return { status: response.status, text: await response.text(), headers };
}
