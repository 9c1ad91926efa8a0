import type { Finding } from '../errors.ts';
import { problemSchema } from './fields.ts';
import type { Operation, OperationCall, OperationOutput } from './operation.ts';

/** Calls the API of one server with one key. */
export interface ApiClient {
  readonly url: string;
  /**
   * Throws `ApiError` with the server's own words, and `UnreachableError` when no answer came. Calls that the contract allows to be
   * repeated are, a few times, when the server is busy or the connection breaks.
   */
  call<O extends Operation>(operation: O, input: CallInput<O>): Promise<OperationOutput<O>>;
  /** The answer as it comes, for streams. Throws like `call`; nothing is repeated. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Params, query and body of a call; each may be left out where all of it may. */
export type CallInput<O extends Operation> = {
  readonly [K in keyof OperationCall<O> as Optional<OperationCall<O>[K]> extends true ? never : K]: OperationCall<O>[K];
} & {
  readonly [
    K in keyof OperationCall<O> as Optional<OperationCall<O>[K]> extends true ? K : never
  ]?: OperationCall<O>[K];
} & { readonly idempotencyKey?: string };

// an empty object is `Record<string, never>`, whose keys are any string
type Optional<T> = undefined extends T ? true : string extends keyof T ? true : Partial<T> extends T ? true : false;

/** The server refused a call. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly findings: readonly Finding[];

  constructor(status: number, code: string, detail: string, requestId: string, findings: readonly Finding[]) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.findings = findings;
  }
}

export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

export interface ApiClientOptions {
  /** Without a path, e.g. `http://127.0.0.1:7411`. */
  readonly url: string;
  readonly key: string;
  readonly fetch?: typeof fetch;
  readonly newId: () => string;
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** A client over the contract itself: what it sends and returns has the types of the operation. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { url, key, newId, wait } = options;
  const send = options.fetch ?? fetch;
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${key}`);
    try {
      return await send(new URL(path, url), { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new UnreachableError(`No answer from ${url}.`, { cause: error });
    }
  };
  return {
    url,
    async fetch(path, init) {
      const response = await request(path, init);
      if (!response.ok) throw await problemOf(response, url);
      return response;
    },
    async call(operation, input) {
      const { params = {}, query = {}, body } = input as { params?: object; query?: object; body?: unknown };
      const path = `${fillPath(operation.path, params)}${queryText(query)}`;
      const idempotencyKey = operation.creates
        ? ((input as { idempotencyKey?: string }).idempotencyKey ?? newId())
        : undefined;
      const init: RequestInit = {
        method: operation.method.toUpperCase(),
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const { repeatable, output } = operation;
      for (let attempt = 1; ; attempt++) {
        try {
          const response = await request(path, init);
          if (response.ok) return output.parse(await readBody(response, url)) as OperationOutput<typeof operation>;
          if (!repeatable || attempt === attemptsMax || !busyStatuses.has(response.status))
            throw await problemOf(response, url);
        } catch (error) {
          if (!(error instanceof UnreachableError) || !repeatable || attempt === attemptsMax) throw error;
        }
        await wait(200 * 2 ** attempt);
      }
    },
  };
}

const attemptsMax = 4;
const busyStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function fillPath(path: string, params: object): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((params as Record<string, unknown>)[name])),
  );
}

function queryText(query: object): string {
  const given = Object.entries(query as Readonly<Record<string, unknown>>).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

/** Throws `UnreachableError` where the answer broke off. */
async function readText(response: Response, url: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new UnreachableError(`The answer from ${url} broke off.`, { cause: error });
  }
}

async function readBody(response: Response, url: string): Promise<unknown> {
  const text = await readText(response, url);
  return text === '' ? undefined : JSON.parse(text);
}

async function problemOf(response: Response, url: string): Promise<ApiError> {
  const text = await readText(response, url);
  const parsed = problemSchema.safeParse(jsonOf(text));
  if (!parsed.success)
    return new ApiError(
      response.status,
      'no-problem',
      `The server answered ${response.status}: ${text.slice(0, 200)}`,
      '',
      [],
    );
  const { status, code, detail, requestId, findings } = parsed.data;
  return new ApiError(status, code, detail, requestId, (findings ?? []) as Finding[]); // the schema's form is that of Finding
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
