/**
 * Every operation of the contract through real HTTP against a server process, next to what its own code asks of the world: the same
 * handlers run in this process over the same data folder, and only the calls to table, blobs and runner are timed. A server whose one
 * route does nothing says what HTTP takes by itself. One caller, one call at a time.
 */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { allHandlers } from '../functions/dev-server/all-handlers.ts';
import { createApi } from '../functions/http/create-api.ts';
import { cancelJob, listJobs } from '../shared/contract/jobs.ts';
import type { Operation } from '../shared/contract/operation.ts';
import { operations } from '../shared/contract/operations.ts';
import { scopes } from '../shared/contract/scopes.ts';
import { openLocalWorld } from '../shared/local/local-world.ts';
import type { TextGenerator } from '../shared/platform/text-generator.ts';
import type { World } from '../shared/platform/ports.ts';
import { newId } from '../shared/records/commit.ts';
import { calls, type Call } from '../test/authorization/calls.ts';
import type { CallFixture } from '../test/authorization/fixture.ts';
import { afterwards, exempt, repeatsItself, repetitions } from './api-cases.ts';
import { thingsToCall } from './api-things.ts';
import { percentile } from './percentile.ts';
import { startPlatformServer, type PlatformServer } from './platform-server.ts';
import { timeWorld } from './timed-world.ts';

export async function benchApi(): Promise<Record<string, unknown>> {
  const server = await startPlatformServer('api-server', { program: ['--import', 'tsx', 'bench/api-server.ts'] });
  const world = await openLocalWorld({ folder: server.folder, baseUrl: server.url, role: 'job' });
  try {
    return { bench: 'api', world: 'local', unit: 'ms', ...(await timeApi(server, world)) };
  } finally {
    await endJobs(server, world);
    await world.close();
    await server.stop();
  }
}

/** The server may keep its things in any world; `world` is the same one, opened here. */
async function timeApi(server: PlatformServer, world: World): Promise<Record<string, unknown>> {
  const agent = new Agent({ keepAlive: true });
  try {
    const caller = { team: 'local', keyId: 'bench', scopes, requestId: newId(world, 'req') };
    const things = thingsToCall(world, server.api, caller);
    const empty = await timeEmptyRoute(agent);
    const figures: Record<string, unknown> = {};
    for (const operation of operations)
      if (!Object.hasOwn(exempt, operation.operationId))
        figures[operation.operationId] = await timeOperation(operation, { server, world, things, agent });
    empty.push(...(await timeEmptyRoute(agent)));
    return { emptyRoute: spread(empty), ...figures };
  } finally {
    agent.destroy();
  }
}

interface Setting {
  readonly server: PlatformServer;
  readonly world: World;
  readonly things: CallFixture;
  readonly agent: Agent;
}

/** In turns: what disturbs the machine for a while disturbs both. */
async function timeOperation(operation: Operation, { server, world, things, agent }: Setting): Promise<unknown> {
  const { operationId } = operation;
  const make = calls[operationId];
  if (!make) throw new Error(`${operationId} has no case`);
  const { world: timed, take } = timeWorld(world);
  const api = createApi({ world: timed, generator: silentGenerator }, allHandlers);
  const kept = repeatsItself(operation) ? await make(things) : undefined;
  const next = async (): Promise<Asked> => asked(operation, kept ?? (await make(things)), server, newId(world, 'idem'));
  const [http, store]: [number[], number[]] = [[], []];
  let storeCalls: Readonly<Record<string, number>> = {};
  const count = repetitions(operation);
  for (let i = -warmUps; i < count; i++) {
    const sent = await send(agent, await next());
    check(operation, sent);
    await afterwards[operationId]?.(server.api, sent.text);
    const { url, ...init } = await next();
    take();
    const response = await api.fetch(new Request(url, init));
    const here = { status: response.status, text: await response.text() };
    const use = take();
    check(operation, here);
    await afterwards[operationId]?.(server.api, here.text);
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

/** Stands for the process that keeps models warm, which is not part of a store. */
const silentGenerator: TextGenerator = {
  generate: async ({ prompts }) => ({
    texts: prompts.map(() => ({ prompt: '', text: '', tokens: 0, end: 'stop' })),
    seconds: 0,
  }),
  close: async () => undefined,
};

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

function asked(operation: Operation, call: Call, { url, key }: PlatformServer, idempotencyKey: string): Asked {
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

/** Jobs outlive their server, so none is left behind. */
async function endJobs({ api }: PlatformServer, { runner }: World): Promise<void> {
  for (const state of ['queued', 'running'] as const)
    for (let cursor: string | undefined; ;) {
      const page = await api.call(listJobs, { query: { state, ...(cursor === undefined ? {} : { cursor }) } });
      for (const { id } of page.items) await api.call(cancelJob, { params: { job: id } });
      if (page.next === undefined) break;
      cursor = page.next;
    }
  while ((await runner.list()).length > 0) await delay(100);
}

function spread(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: round(percentile(values, 0.5)), p99: round(percentile(values, 0.99)) };
}

const round = (value: number): number => Number(value.toPrecision(3));
