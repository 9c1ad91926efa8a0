import { z } from 'zod';
import { exampleText, exampleValue } from '../../../../functions/docs/example-value.ts';
import type { JsonSchema } from '../../../../functions/docs/json-schema.ts';
import { operations } from '../../../../shared/contract/operations.ts';
import { DomainError } from '../../../../shared/errors.ts';
import { openLocalApi, type LocalApi } from '../../../support/local-api.ts';
import { damageJson, hostileValue, jsonBytes, type Json } from '../damage-json.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether it is sent with the key of a team. */
  readonly hasKey: boolean;
}

/** Operations that a call of any kind may reach without work of minutes behind it. */
const reached = operations.filter(({ operationId }) => operationId !== 'generateText');
const examples = new Map(reached.map(({ operationId, body }) => [operationId, exampleOf(body)]));

export const apiTarget: FuzzTarget = {
  name: 'api',
  input: (random) => new TextEncoder().encode(JSON.stringify(callOf(random))),
  read: async (bytes) => answer(bytes, (call) => send(call)),
  planted: {
    fault: 'a body that is used before it is looked at',
    read: async (bytes) =>
      answer(bytes, async (call) => {
        const { name } = Object(await readBody(call)) as { name: string };
        return name.length === 0 ? new Response(null, { status: 400 }) : send(call);
      }),
  },
  close: async () => {
    const opened = await api;
    await opened?.api.close();
  },
};

let api: Promise<{ readonly api: LocalApi; readonly key: string }> | undefined;

async function open(): Promise<{ readonly api: LocalApi; readonly key: string }> {
  const opened = await openLocalApi();
  return { api: opened, key: await opened.key('blue') };
}

async function send({ method, path, headers, body, hasKey }: Call): Promise<Response> {
  api ??= open();
  const { api: opened, key } = await api;
  let request: Request;
  try {
    request = new Request(new URL(path, 'http://127.0.0.1:7411'), {
      method,
      headers: { ...headers, ...(hasKey ? { authorization: `Bearer ${key}` } : {}) },
      ...(body === undefined || method === 'get' ? {} : { body }),
    });
  } catch (cause) {
    throw new DomainError('request', 'no client can send this', { cause });
  }
  const response = await opened.fetch(request);
  const [bug] = opened.bugs.splice(0);
  if (bug !== undefined) throw bug;
  return response;
}

async function answer(bytes: Uint8Array, sent: (call: Call) => Promise<Response>): Promise<void> {
  const call = JSON.parse(new TextDecoder().decode(bytes)) as Call;
  const response = await sent(call);
  const { status } = response;
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = isStream ? '' : await response.text();
  if (status >= 500) throw new Unsound(`${call.method} ${call.path} answers ${status}: ${text}`);
  if (isStream) await response.body?.cancel();
  if (status < 400) return;
  const problem = JSON.parse(text) as { code?: unknown; status?: unknown };
  if (typeof problem.code !== 'string' || problem.status !== status) throw new Unsound(`no problem document: ${text}`);
  throw new DomainError(problem.code, 'refused');
}

async function readBody({ body = '{"name":"none"}' }: Call): Promise<unknown> {
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    throw new DomainError('body', 'no JSON', { cause });
  }
}

function exampleOf(body: z.ZodType): Json | undefined {
  if (body instanceof z.ZodUndefined) return undefined;
  const schema = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return exampleValue(schema, {}) as Json;
}

const hostileTexts = [
  '..',
  '%2e%2e',
  '%00',
  'a'.repeat(300),
  '%F0%9F%92%A9',
  '%',
  'latest',
  '0',
  '-1',
  '1e3',
  "'",
  'null',
  '__proto__',
];
const wrongKeys = [
  'Bearer',
  'Bearer lry_',
  'Bearer lry_a_b',
  'Basic YTpi',
  `Bearer ${'x'.repeat(5000)}`,
  'Bearer lry_0_ 1',
];

function callOf(random: FuzzRandom): Call {
  const { operationId, method, path, query } = random.pick(reached);
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    random.chance(0.15) ? random.pick(hostileTexts) : exampleText(name),
  );
  const asked = Object.keys(query.shape).filter(() => random.chance(0.2));
  const search = asked.map((name) => `${name}=${random.pick([...hostileTexts, '1', '2026-01-31', 'true', 'example'])}`);
  const example = examples.get(operationId);
  let body: string | undefined;
  if (example !== undefined) {
    let value = example;
    if (random.chance(0.7)) for (let i = 1 + random.below(2); i > 0; i--) value = damageJson(random, value);
    body = new TextDecoder().decode(jsonBytes(random, random.chance(0.05) ? hostileValue(random) : value));
  }
  const hasKey = random.chance(0.95);
  const type = random.chance(0.95)
    ? 'application/json'
    : random.pick(['text/plain', 'application/json5', '', 'multipart/form-data']);
  return {
    method: random.chance(0.97) ? method : random.pick(['get', 'post', 'put', 'patch', 'delete', 'options']),
    path: `${filled}${search.length > 0 ? `?${search.join('&')}` : ''}`,
    headers: {
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(random.chance(0.1) ? { 'idempotency-key': random.pick(['a', 'b', ' ', 'x'.repeat(300)]) } : {}),
      ...(hasKey ? {} : { authorization: random.pick(wrongKeys) }),
    },
    ...(body === undefined ? {} : { body }),
    hasKey,
  };
}
