import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainTasksReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { taskRuns, trainTasksSpecSchema, type TrainTasksSpec } from '../../shared/contract/specs/train-tasks.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { initialLora } from '../methods/initial-lora.ts';
import { ofTask, sharedLora } from '../methods/shared-lora.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import { accumulateTasks, ofTasks } from '../training/accumulate-tasks.ts';
import { makeBatches } from '../training/batches.ts';
import { runFolders } from '../training/run-folders.ts';
import { createTrainStep } from '../training/step-graph.ts';
import { indicesUpTo } from '../training/token-rows.ts';
import { prepareTraining } from './prepare-training.ts';
import { runTrain } from './train.ts';
import { runTrainTasks } from './train-tasks.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-tasks-'));
  await writeTinyBase(at('base'));
  const write = (name: string, count: number, prompt: string, completion: string): Promise<void> =>
    writeFile(
      at(name),
      Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `${i} ${prompt}:`, completion })).join('\n'),
    );
  await write('cats.jsonl', 24, 'cat', ' meow');
  await write('dogs.jsonl', 17, 'a rather long dog', ' bow-wow');
  await write('held.jsonl', 5, 'animal', ' meow');
});
afterAll(() => rm(folder, { recursive: true }));

const shared = (): object => ({
  base: at('base'),
  method: { kind: 'lora', config: { r: 2, lora_alpha: 4 } },
  steps: 6,
  batch: { rows: 6, packTokens: 64, microBatchTokens: 256 },
  optimizer: { learningRate: 0.02 },
  evaluation: { everySteps: 2 },
  checkpoint: { everySeconds: 0.0001 },
  threads: 1,
});
const tasks = (): object[] => [
  { name: 'cats', data: { train: at('cats.jsonl'), eval: at('held.jsonl') } },
  {
    name: 'dogs',
    data: { train: at('dogs.jsonl'), evalFraction: 0.2 },
    method: {
      kind: 'lora',
      config: { r: 3, lora_alpha: 9, use_rslora: true, target_modules: ['q_proj', 'down_proj'] },
    },
    optimizer: { learningRate: 0.05, loraPlusRatio: 4, clipNorm: 0.5 },
    schedule: { kind: 'linear' },
    epochs: 3,
    seed: 7,
  },
  // no held-out rows, done long before the others
  { name: 'few', data: { train: at('held.jsonl') }, steps: 2 },
];
const specOf = (output: string, changes: object = {}): TrainTasksSpec =>
  trainTasksSpecSchema.parse({ kind: 'train-tasks', train: shared(), tasks: tasks(), output: at(output), ...changes });

const factorsOf = async (path: string): Promise<Map<string, Float32Array>> => {
  const { modules } = await readAdapterFolder(path);
  return new Map(
    [...modules.values()].flatMap(
      ({ module, A, B }) =>
        [
          [`${module} A`, A],
          [`${module} B`, B],
        ] as const,
    ),
  );
};

/** Largest difference of two lists of factors, by the largest value of each. */
function furthest(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  return Math.max(
    ...[...a].map(([name, values]) => {
      const others = b.get(name) ?? new Float32Array();
      const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return values.reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] ?? NaN))), 0) / size;
    }),
  );
}

test('each adapter is what a run by itself makes of the same rows, up to the order of sums', async () => {
  const spec = specOf('together');
  const report = await runTrainTasks(spec, rememberingContext());
  expect(report.tasks.map(({ name }) => name)).toEqual(['cats', 'dogs', 'few']);
  for (const [i, { name, spec: own }] of taskRuns(spec).entries()) {
    const alone = await runTrain({ ...own, output: at(`alone-${name}`) }, rememberingContext());
    const task = report.tasks[i]?.report;
    expect(task).toMatchObject({
      steps: alone.steps,
      rows: alone.rows,
      evalRows: alone.evalRows,
      tokens: alone.tokens,
    });
    expect(task?.trainableParameters).toBe(alone.trainableParameters);
    expect(task?.trainLoss).toBeCloseTo(alone.trainLoss, 4);
    if (alone.evalLoss !== null) {
      expect(task?.evalLossBefore).toBeCloseTo(alone.evalLossBefore ?? NaN, 5);
      expect(task?.evalLoss).toBeCloseTo(alone.evalLoss, 4);
      expect(alone.evalLoss).toBeLessThan((alone.evalLossBefore ?? 0) - 0.3);
    }
    // AdamW divides by roots of small numbers, which makes more of a rounding than it was
    expect(furthest(await factorsOf(at(`together/${name}`)), await factorsOf(at(`alone-${name}`)))).toBeLessThan(2e-3);
    const config = async (path: string): Promise<unknown> =>
      JSON.parse(await readFile(join(path, 'adapter_config.json'), 'utf8'));
    expect(await config(at(`together/${name}`))).toEqual(await config(at(`alone-${name}`)));
  }
});

test('gradients of a task have terms of its own rows only, and would not if a token were given to another', async () => {
  const [first, second] = await Promise.all(
    taskRuns(specOf('gradients'))
      .slice(0, 2)
      .map(({ spec }) => prepareTraining(spec, runFolders(spec.output), rememberingContext())),
  );
  if (!first || !second) throw new Error('two tasks are prepared');
  const base = await openBaseModel(at('base'));
  const adapters = [
    { name: 'a', targets: first.targets },
    { name: 'b', targets: second.targets },
  ];
  const model = tunedModel(base, (known) => sharedLora(known, adapters));
  const values = new Map<string, Float32Array>();
  for (const [name, run] of [
    ['a', first],
    ['b', second],
  ] as const) {
    if (!run.config) throw new Error('an adapter has a config');
    const own = await initialLora(
      { base, model: run.model, saved: [], config: run.config, targets: run.targets, seed: 3 },
      () => undefined,
    );
    // B begins at zero, and then A has no gradient
    for (const [key, factor] of own)
      values.set(ofTask(name, key), key.endsWith('lora_B') ? factor.map((_, i) => Math.sin(i) / 10) : factor);
  }
  const step = await createTrainStep(model, { threads: 1 });
  const rows = [...(await first.rows.read(indicesUpTo(5))), ...(await second.rows.read(indicesUpTo(4)))];
  const gradientsOf = async (indices: number[], owners: number[]): Promise<Map<string, Float32Array>> => {
    const batches = makeBatches(rows, indices, first.batchShape).map((batch) => ofTasks(batch, owners));
    const { gradients } = await accumulateTasks(step, values, batches, 2);
    return new Map([...gradients].filter(([name]) => name.startsWith('a: ')));
  };
  const owners = [0, 0, 0, 0, 0, 1, 1, 1, 1];
  const joint = await gradientsOf([0, 1, 2, 3, 4, 5, 6, 7, 8], owners);
  expect(furthest(joint, await gradientsOf([0, 1, 2, 3, 4], owners))).toBeLessThan(1e-5);
  expect(furthest(joint, await gradientsOf([0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 0, 0, 1, 1, 1]))).toBeGreaterThan(
    0.01,
  );
  await step.close();
  await Promise.all([first, second].map((run) => run.close()));
});

test('stopped, the tasks go on from their own checkpoints to the same bits; what stands is not trained again', async () => {
  const context = rememberingContext();
  const stopping = {
    ...context,
    stopRequested: () => context.events.filter(({ type }) => type === 'progress').length >= 3,
  };
  await expect(runTrainTasks(specOf('stopped'), stopping)).rejects.toThrow(UnavailableError);
  expect((await readdir(at('stopped'))).toSorted()).toEqual(['cats.run', 'dogs.run', 'few.run']);
  const report = await runTrainTasks(specOf('stopped'), rememberingContext());
  for (const name of ['cats', 'dogs', 'few'])
    expect(furthest(await factorsOf(at(`stopped/${name}`)), await factorsOf(at(`together/${name}`)))).toBe(0);
  const again = rememberingContext();
  const losses = ({ tasks: all }: TrainTasksReport): unknown => all.map(({ report: { evalLoss } }) => evalLoss);
  expect(losses(await runTrainTasks(specOf('stopped'), again))).toEqual(losses(report));
  expect(again.events.filter(({ type }) => type === 'progress')).toEqual([]);
});

test('killed between the checkpoints of one pass, tasks go on together from the pass before, to the same bits', async () => {
  const spec = specOf('torn', { train: { ...shared(), checkpoint: { everySeconds: 0.0001, keep: 1 } } });
  const context = rememberingContext();
  const stopping = {
    ...context,
    stopRequested: () => context.events.filter(({ type }) => type === 'progress').length >= 3,
  };
  await expect(runTrainTasks(spec, stopping)).rejects.toThrow(UnavailableError);
  // as if it had been ended after the first of the last three was written
  await rm(at('torn/dogs.run/checkpoints/step-00000003'), { recursive: true });
  const again = rememberingContext();
  await runTrainTasks(spec, again);
  const firsts = again.events.flatMap((event) => (event.type === 'run' ? [[event.task, event.firstStep]] : []));
  expect(firsts).toEqual([
    ['cats', 3],
    ['dogs', 3],
    ['few', 3],
  ]);
  for (const name of ['cats', 'dogs', 'few'])
    expect(furthest(await factorsOf(at(`torn/${name}`)), await factorsOf(at(`together/${name}`)))).toBe(0);
});

test('killed while results are written, what is missing is written and nothing is trained again', async () => {
  const context = rememberingContext();
  const dying = {
    ...context,
    emit: (event: Parameters<typeof context.emit>[0]) => {
      context.emit(event);
      const isLast = event.type === 'checkpoint' && event.step === 9 && context.events.filter(isEvalAt9).length > 0;
      if (isLast) throw new Error('killed');
    },
  };
  const isEvalAt9 = (event: (typeof context.events)[number]): boolean => event.type === 'eval' && event.step === 9;
  await expect(runTrainTasks(specOf('half-written'), dying)).rejects.toThrow('killed');
  await cp(at('together/cats'), at('half-written/cats'), { recursive: true });
  const again = rememberingContext();
  await runTrainTasks(specOf('half-written'), again);
  expect(again.events.filter(({ type }) => type === 'step' || type === 'eval')).toEqual([]);
  for (const name of ['cats', 'dogs', 'few'])
    expect(furthest(await factorsOf(at(`half-written/${name}`)), await factorsOf(at(`together/${name}`)))).toBe(0);
});

/** A context whose clock passes a second with each pass, so that every pass costs one. */
function passingContext(secondsLeft: number): ReturnType<typeof rememberingContext> {
  const context = rememberingContext();
  const passes = (): number => context.events.filter(({ type }) => type === 'progress').length;
  return { ...context, now: () => passes() * 1000, secondsLeft: () => secondsLeft - passes() };
}

test('at the wall each task is written as it stands, and one that was through is not called cut', async () => {
  const report = await runTrainTasks(specOf('walled'), passingContext(3));
  expect(report.tasks.map(({ name, report: { steps, stoppedBy } }) => [name, steps, stoppedBy])).toEqual([
    ['cats', 3, 'budget'],
    ['dogs', 3, 'budget'],
    ['few', 2, undefined],
  ]);
  expect(report.warnings.filter(({ code }) => code === 'budget-spent').map(({ where }) => where)).toEqual([
    'cats',
    'dogs',
  ]);
  for (const name of ['cats', 'dogs', 'few'])
    expect((await readAdapterFolder(at(`walled/${name}`))).modules.size).toBeGreaterThan(0);
  await expect(runTrainTasks(specOf('no-time'), passingContext(0))).rejects.toMatchObject({ code: 'budget-spent' });
  const one = await runTrainTasks(specOf('one-pass'), passingContext(1));
  expect(one.tasks.map(({ report: { steps } }) => steps)).toEqual([1, 1, 1]);
});

test('what happens is told of each task, and the checkpoints of a pass at once', async () => {
  const context = rememberingContext();
  await runTrainTasks(specOf('told'), context);
  const of = (type: string, task: string): number =>
    context.events.filter((event) => event.type === type && 'task' in event && event.task === task).length;
  expect([of('run', 'cats'), of('step', 'cats'), of('eval', 'cats')]).toEqual([1, 6, 4]);
  expect([of('run', 'few'), of('step', 'few'), of('eval', 'few')]).toEqual([1, 2, 0]);
  for (const event of context.events) if (event.type === 'checkpoint') expect(event.others).toHaveLength(2);
});

test('a task that diverges ends the run and is named', async () => {
  const [cats] = tasks();
  const wild = { ...cats, name: 'wild', optimizer: { learningRate: 1e30, clipNorm: 0 } };
  const spec = specOf('wild', { tasks: [cats, wild] });
  await expect(runTrainTasks(spec, rememberingContext())).rejects.toThrow(/by the size of its factors wild/);
});

test('all that is wrong is told at once, with the task', async () => {
  const broken =
    (task: object, train: object = {}) =>
    () =>
      parseSpec({ kind: 'train-tasks', output: 'out', train: { ...shared(), ...train }, tasks: [...tasks(), task] });
  const data = { train: 'rows.jsonl' };
  expect(broken({ name: 'cats', data })).toThrow(/tasks\[3\]\.name: "cats" is another task already/);
  expect(broken({ name: 'No', data })).toThrow(/tasks\[3\]\.name: .*small letters/);
  const method = {
    kind: 'lora',
    config: { lora_dropout: 0.1, use_dora: true, init_lora_weights: 'pissa', modules_to_save: ['lm_head'] },
  };
  expect(broken({ name: 'x', data, method })).toThrow(
    /tasks\[3\]\.method\.config\.lora_dropout[^]*use_dora[^]*init_lora_weights[^]*modules_to_save/,
  );
  expect(broken({ name: 'x', data, method: { kind: 'full' } })).toThrow(/only new adapters share a base/);
  expect(broken({ name: 'x', data }, { samples: { prompts: [{ prompt: 'x' }] } })).toThrow(/train\.samples\.prompts/);
  expect(broken({ name: 'x', data }, { maxSeconds: 60 })).toThrow(/train\.maxSeconds: is for a run by itself/);
  const many = (count: number): object => ({
    tasks: Array.from({ length: count }, (_, i) => ({ name: `t${i}`, data })),
  });
  expect(() => specOf('many', many(limits.tasksMax))).not.toThrow();
  expect(() => specOf('many', many(limits.tasksMax + 1))).toThrow();
  const lost = { name: 'lost', data: { train: at('nowhere.jsonl') } };
  const head = {
    name: 'head',
    data: { train: at('cats.jsonl') },
    method: { kind: 'lora', config: { target_modules: ['nothing'] } },
  };
  await expect(runTrainTasks(specOf('lost', { tasks: [lost, head] }), rememberingContext())).rejects.toThrow(
    /lost data\.train: [^]*nowhere\.jsonl[^]*head method\.config\.target_modules/,
  );
  const embedding = { ...head, method: { kind: 'lora', config: { target_modules: ['lm_head'] } } };
  await expect(runTrainTasks(specOf('lm', { tasks: [embedding] }), rememberingContext())).rejects.toThrow(
    /no linear module inside a layer/,
  );
});
