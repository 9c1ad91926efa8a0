import { ApiError, UnreachableError } from '../../shared/contract/api-client.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';

/** What a failed call means to the person at the command line, with what to type next where that is known. */
export function failureOf(error: unknown, url: string): unknown {
  if (error instanceof UnreachableError)
    return new UnavailableError(`No server answers at ${url}; start one with: lorary up`, { cause: error });
  if (!(error instanceof ApiError)) return error;
  const { status, code, findings, requestId } = error;
  if (status === 429 || status === 501 || status === 503)
    return status === 501
      ? new DomainError(code, error.message, { findings })
      : new UnavailableError(error.message, { cause: error });
  if (status >= 500) return new Error(`${error.message} (request ${requestId || 'without an id'})`, { cause: error });
  const next = nextSteps[code];
  return new DomainError(code, next === undefined ? error.message : `${error.message}\n${next(url)}`, { findings });
}

const nextSteps: Readonly<Record<string, (url: string) => string>> = {
  unauthenticated: (url) => `Give a valid key with: lorary login --url ${url} --key KEY`,
  'missing-scope': () => 'What this key may do is told by: lorary doctor',
};
