import type { Problem } from '../../shared/contract/fields.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';

/** The only place that knows status codes. A code that is not here is 422: the call was understood and cannot be done. */
const statuses: Readonly<Record<string, number>> = {
  'invalid-request': 400,
  'bad-cursor': 400,
  unauthenticated: 401,
  'budget-exceeded': 402,
  'storage-exceeded': 402,
  'missing-scope': 403,
  'scope-beyond-own': 403,
  'outside-prefix': 403,
  'foreign-origin': 403,
  'alias-protected': 403,
  'shared-read-only': 403,
  'not-allowed-by-protection': 403,
  'not-found': 404,
  'no-manifest': 404,
  'nothing-signs': 404,
  'method-not-allowed': 405,
  'name-taken': 409,
  'changed-meanwhile': 409,
  'upload-closed': 409,
  'upload-incomplete': 409,
  'not-ready': 409,
  'not-published': 409,
  'still-aliased': 409,
  'still-used': 409,
  'job-ended': 409,
  'key-ended': 409,
  'not-resumable': 409,
  'budget-spent': 409,
  'below-use': 409,
  erased: 410,
  'too-large': 413,
  'unsupported-media-type': 415,
  'too-many-requests': 429,
  'too-many-jobs': 429,
  'not-available-here': 501,
};

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  402: 'Over budget',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'In conflict with what there is',
  410: 'Gone for good',
  413: 'Too large',
  415: 'Unsupported content type',
  422: 'Cannot be done',
  429: 'Too many requests',
  500: 'Our fault',
  501: 'Not available here',
  503: 'Try again',
};

/** The answer to an error. What is our own bug says nothing but its request id; the cause is for the log. */
export function problemResponse(error: unknown, requestId: string): Response {
  const problem = problemOf(error, requestId);
  const headers = new Headers({ 'content-type': 'application/problem+json', 'x-request-id': requestId });
  if (problem.status === 401) headers.set('www-authenticate', 'Bearer realm="lorary"');
  if (problem.status === 503 || problem.code === 'too-many-requests') headers.set('retry-after', '1');
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

/** Whether an error says that somebody may not do something. */
export function isDenial({ code }: DomainError): boolean {
  return statuses[code] === 401 || statuses[code] === 403;
}

function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof DomainError) {
    const { code, message, findings } = error;
    return describe(statuses[code] ?? 422, code, message, requestId, findings);
  }
  if (error instanceof UnavailableError)
    return describe(503, 'unavailable', 'This could not be done just now: try again in a moment.', requestId);
  return describe(500, 'bug', `This is a bug in lorary; its log has more under ${requestId}.`, requestId);
}

function describe(
  status: number,
  code: string,
  detail: string,
  requestId: string,
  findings: DomainError['findings'] = [],
): Problem {
  return {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    code,
    detail,
    requestId,
    ...(findings.length > 0 ? { findings: [...findings] } : {}),
  };
}
