import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import type { Operation } from '../shared/contract/operation.ts';
import { operations } from '../shared/contract/operations.ts';
import { scopes } from '../shared/contract/scopes.ts';
import type { World } from '../shared/platform/ports.ts';
import { newId } from '../shared/records/commit.ts';
import { calls, type Call } from '../test/authorization/calls.ts';
import type { CallFixture } from '../test/authorization/fixture.ts';
import { afterwards, repeatsItself } from './api-cases.ts';
import { thingsToCall } from './api-things.ts';
import { percentile } from './percentile.ts';
import type { PlatformServer } from './platform-server.ts';
import { timeWorld } from './timed-world.ts';

/** A server, and the same world opened here. */
export interface TimedApi {
  readonly server: Pick<PlatformServer, 'api' | 'url' | 'key'>;
  /** Whose key the server was given. */
  readonly team: string;
  readonly world: World;
  /** The same handlers as the server's, over this world. */
  readonly apiOver: (world: World) => { readonly fetch: (request: Request) => Response | Promise<Response> };
  /** Operations that are not timed, and why. */
  readonly exempt: Readonly<Record<string, string>>;
  /** How often an operation is called each way. */
  readonly repetitions: (operation: Operation) => number;
  /** Brings about that uploads are looked at, where no server does it by itself. */
  readonly settle: () => Promise<void>;
}

/**
 * Every operation of the contract through real HTTP against a server process, next to what its own code asks of the world: the same
 * handlers run in this process over the same world, and only the calls to table, blobs and runner are timed. A server whose one
 * route does nothing says what HTTP takes by itself. One caller, one call at a time.
 */
export async function timeApi(timed: TimedApi): Promise<Record<string, unknown>> {
  const agent = new Agent({ keepAlive: true });
  const { world, team, server, exempt } = timed;
  try {
    const caller = { team, keyId: 'bench', scopes, requestId: newId(world, 'req') };
    const things = thingsToCall(world, server.api, caller);
    const empty = await timeEmptyRoute(agent);
    const figures: Record<string, unknown> = {};
    for (const operation of operations)
      if (!Object.hasOwn(exempt, operation.operationId))
        figures[operation.operationId] = await timeOperation(operation, { ...timed, things, agent });
    empty.push(...(await timeEmptyRoute(agent)));
    return { emptyRoute: spread(empty), ...figures };
  } finally {
    agent.destroy();
  }
}

interface Setting extends TimedApi {
  readonly things: CallFixture;
  readonly agent: Agent;
}

/** In turns: what disturbs the machine for a while disturbs both. */
async function timeOperation(operation: Operation, setting: Setting): Promise<unknown> {
  const { server, world, things, agent, apiOver, repetitions, settle } = setting;
  const { operationId } = operation;
  const make = calls[operationId];
  if (!make) throw new Error(`${operationId} has no case`);
  const { world: timed, take } = timeWorld(world);
  const api = apiOver(timed);
  const kept = repeatsItself(operation) ? await make(things) : undefined;
  const next = async (): Promise<Asked> => asked(operation, kept ?? (await make(things)), server, newId(world, 'idem'));
  const [http, store]: [number[], number[]] = [[], []];
  let storeCalls: Readonly<Record<string, number>> = {};
  const count = repetitions(operation);
  for (let i = -warmUps; i < count; i++) {
    const sent = await send(agent, await next());
    check(operation, sent);
    await afterwards[operationId]?.(server.api, sent.text, settle);
    const { url, ...init } = await next();
    take();
    const response = await api.fetch(new Request(url, init));
    const here = { status: response.status, text: await response.text() };
    const use = take();
    check(operation, here);
    await afterwards[operationId]?.(server.api, here.text, settle);
    if (i < 0) continue;
    http.push(sent.milliseconds);
    store.push(use.milliseconds);
    storeCalls = use.calls;
  }
  const [over, bare] = [spread(http), spread(store)];
  return {
    repetitions: count,
    ...over,
    storeP50: bare.p50,
    storeP99: bare.p99,
    ratio: round(over.p50 / bare.p50),
    storeCalls,
  };
}

const warmUps = 5;

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

function asked(operation: Operation, call: Call, { url, key }: TimedApi['server'], idempotencyKey: string): Asked {
  const { params = {}, query = {}, body } = call;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  return {
    url: `${url}${path}?${new URLSearchParams(query).toString()}`,
    method: operation.method.toUpperCase(),
    headers: {
      authorization: `Bearer ${key}`,
      ...(operation.creates ? { 'idempotency-key': idempotencyKey } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(
  agent: Agent,
  { url, method, headers, body }: Asked,
): Promise<Answer & { readonly milliseconds: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const sent = request(url, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode ?? 0, text, milliseconds: performance.now() - started });
      });
    });
    sent.on('error', reject).end(body);
  });
}

function check({ operationId, status }: Operation, answer: Answer): void {
  if (answer.status !== status) throw new Error(`${operationId} answered ${answer.status}: ${answer.text}`);
}

async function timeEmptyRoute(agent: Agent): Promise<number[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/empty-server.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.once('exit', () => reject(new Error('the empty server ended')));
    });
    const times: number[] = [];
    for (let i = 0; i < 300; i++) times.push((await send(agent, { url, method: 'GET', headers: {} })).milliseconds);
    return times.slice(100); // the first ones warm the compiler up
  } finally {
    child.kill('SIGTERM');
  }
}

function spread(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: round(percentile(values, 0.5)), p99: round(percentile(values, 0.99)) };
}

const round = (value: number): number => Number(value.toPrecision(3));
