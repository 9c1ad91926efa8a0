import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test as always } from 'vitest';
import { invariant } from '../../shared/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { createBoundSession, type BoundSession } from './bound-session.ts';
import { float32Of, lend, type BoundValue } from './bound-value.ts';
import { installedRuntime } from './installed-runtime.ts';
import { canCallOrtApi, openOrtApi, type OrtApi } from './ort-api.ts';
import { createSession, float32Of as resultOf } from './session.ts';

// koffi is optional: where it cannot be installed, nothing asks for it
const test = always.skipIf(!canCallOrtApi());
let api: OrtApi;
beforeAll(() => {
  if (canCallOrtApi()) api = openOrtApi();
});
afterAll(() => api?.close());

/** y = softmax-like work over x @ x, z = x + s; enough operators that another order of sums would show. */
function graphOf(size: number): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [size, size]);
  const s = graph.input('s', 'float32', []);
  graph.output('y', graph.silu(graph.mul(graph.matmul(x, x), s)));
  graph.output('z', graph.add(x, s));
  return graph;
}

const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
function given(values: ReadonlyMap<string, BoundValue>, name: string): BoundValue {
  const value = values.get(name);
  invariant(value, `there is ${name}`);
  return value;
}
const letGo = (values: ReadonlyMap<string, BoundValue>): void => {
  for (const value of values.values()) value.release();
};

test('gives the bits of the Node binding', async () => {
  const size = 96;
  const feeds = { x: { data: numbers(size * size), dims: [size, size] }, s: { data: Float32Array.of(0.7), dims: [] } };
  const binding = await createSession(graphOf(size), { threads: 1 });
  const expected = await binding.run(feeds);
  await binding.close();
  const session = createBoundSession(api, graphOf(size), { threads: 1, hostOutputs: ['y', 'z'] });
  const lent = Object.entries(feeds).map(([name, feed]) => [name, lend(api, feed)] as const);
  for (const [name, value] of lent) session.bind(name, value);
  const results = session.run();
  for (const name of ['y', 'z']) expect(float32Of(api, given(results, name))).toEqual(resultOf(expected, name));
  letGo(results);
  letGo(new Map(lent));
  session.close();
});

test('what is bound stays bound and is never copied; results are not written over by the next run, and can be bound', () => {
  const session = createBoundSession(api, graphOf(2), { threads: 1, hostOutputs: ['y', 'z'] });
  const data = Float32Array.of(1, 2, 3, 4);
  const scale = Float32Array.of(1);
  const [x, s] = [lend(api, { data, dims: [2, 2] }), lend(api, { data: scale, dims: [] })];
  session.bind('x', x);
  session.bind('s', s);
  session.bind('nothing that the graph reads', x);
  expect(session.traffic).toEqual({ up: 20, down: 0 });
  const first = session.run();
  const z = float32Of(api, given(first, 'z'));
  expect([...z]).toEqual([2, 3, 4, 5]);
  // the runtime reads the very array
  data.fill(7);
  const second = session.run();
  expect([...float32Of(api, given(second, 'z'))]).toEqual([8, 8, 8, 8]);
  expect([...float32Of(api, given(first, 'z'))]).toEqual([...z]);
  session.bind('x', given(first, 'z'));
  const third = session.run();
  expect([...float32Of(api, given(third, 'z'))]).toEqual([3, 4, 5, 6]);
  // a result of the runtime's is in its memory already
  expect(session.traffic).toEqual({ up: 20, down: 3 * 2 * 16 });
  for (const results of [first, second, third]) letGo(results);
  session.close();
  letGo(
    new Map([
      ['x', x],
      ['s', s],
    ]),
  );
});

test('what the runtime refuses is said in its words, and it goes on', () => {
  const session = createBoundSession(api, graphOf(2), { threads: 1 });
  expect(() => session.run()).toThrow('the graph input x is bound');
  const wrong = lend(api, { data: numbers(9), dims: [3, 3] });
  const s = lend(api, { data: Float32Array.of(1), dims: [] });
  session.bind('x', wrong);
  session.bind('s', s);
  expect(() => session.run()).toThrow(/RunWithBinding: .*Got invalid dimensions for input: x/s);
  const right = lend(api, { data: numbers(4), dims: [2, 2] });
  session.bind('x', right);
  letGo(session.run());
  session.close();
  letGo(new Map(Object.entries({ wrong, s, right })));
  const model = new Uint8Array([1, 2, 3]);
  const settings = api.make('CreateSessionOptions');
  expect(() => api.make('CreateSessionFromArray', api.environment, model, model.length, settings)).toThrow(
    /CreateSessionFromArray: .*protobuf/,
  );
  api.release('ReleaseSessionOptions', settings);
  expect(() => createBoundSession(api, graphOf(2), { device: { kind: 'cuda', index: 0 } })).toThrow(
    /CUDAProviderOptions: .*libonnxruntime_providers_shared/s,
  );
});

test.each([
  ['', 0],
  ['deterministic', 1],
])('the runtime itself says whether it was told to repeat itself: %j', (asked, told) => {
  const script = fileURLToPath(new URL('../../test/support/session-log.ts', import.meta.url));
  const { stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', script, asked], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(/use_deterministic_compute:(\d)/.exec(stderr)?.[1]).toBe(String(told));
});

test('a library of another version than its package is refused, and so is one that is not there', () => {
  const runtime = installedRuntime();
  expect(() => openOrtApi({ ...runtime, version: '1.29.0' })).toThrow(/is of 1\.\d+\.\d+, its package of 1\.29\.0/);
  expect(() => openOrtApi({ ...runtime, folder: '/none' })).toThrow('/none/libonnxruntime.so.1 cannot be loaded');
});

/** Megabytes by which the process grows over some runs with results of 2 MB each. */
function growth(
  session: BoundSession,
  runs: number,
  after: (results: ReadonlyMap<string, BoundValue>) => void,
): number {
  const before = process.memoryUsage.rss();
  for (let i = 0; i < runs; i++) after(session.run());
  return (process.memoryUsage.rss() - before) / 1e6;
}

test('a thousand runs take no more memory than a few; kept results would be noticed', () => {
  const size = 512;
  const session = createBoundSession(api, withoutProduct(size), { threads: 1 });
  const x = lend(api, { data: numbers(size * size), dims: [size, size] });
  session.bind('x', x);
  growth(session, 20, letGo);
  expect(growth(session, 1000, letGo)).toBeLessThan(30);
  const kept: ReadonlyMap<string, BoundValue>[] = [];
  expect(growth(session, 100, (results) => void kept.push(results))).toBeGreaterThan(60);
  for (const results of kept) letGo(results);
  session.close();
  x.release();
});

/** A quick graph with a result of a megabyte. */
function withoutProduct(size: number): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [size, size]);
  graph.output('z', graph.add(x, 1));
  return graph;
}
