import { limits } from '../../shared/limits.ts';

/** What holds for every call. `code` stands between backticks. */
export const introduction: readonly { readonly title: string; readonly text: string }[] = [
  {
    title: 'Keys and scopes',
    text: 'Every call carries a key: `Authorization: Bearer lry_...`. A key belongs to one team and sees nothing of any other: what another team has answers 404, as if it were not there, unless it is an adapter that this team shares. A call names the scope that its key needs; without it the answer is 403 and names the scope. `lorary up` prints the first key.',
  },
  {
    title: 'Errors',
    text: 'An error is `application/problem+json` (RFC 9457): `code` is for programs, `detail` says what to do, `findings` has everything that is wrong and not only the first thing, `requestId` finds the call in the log. 400: not understood; 401: no valid key; 403: a scope is missing; 404: not there; 405: `Allow` lists the methods of the path; 409: in conflict with what there is; 422: understood, and cannot be done; 503: try again, after `Retry-After`.',
  },
  {
    title: 'Repeating a call',
    text: 'GET, PUT, PATCH and DELETE may be sent again. A POST that makes something takes an `Idempotency-Key` of your choice: the same key with the same call answers with what was made the first time, for 24 hours.',
  },
  {
    title: 'Lists',
    text: `A list answers \`items\` and, when there are more, \`next\`: give it back as \`cursor\`. A page has at most ${limits.pageItemsMax} items.`,
  },
  {
    title: 'Names, ids and versions',
    text: `A name has at most ${limits.nameCharsMax} lower-case letters, digits, ".", "_" and "-", and begins and ends with a letter or digit. An id such as \`ver_4x8k...\` never changes its meaning; a name may be given again after it was deleted. An adapter is a name or, where another team shares it, \`TEAM:NAME\`. A version is meant by its number, an alias (\`latest\` is always there) or its id. A SHA-256 has 64 lower-case hex digits, a time is \`2026-01-31T12:00:00.000Z\`.`,
  },
];
