import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import type { JobContext } from './job-context.ts';
import { runTrain } from './train.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-plan-'));
  await writeTinyBase(join(folder, 'base'));
  const rows = Array.from({ length: 24 }, (_, i) => ({ prompt: `${i} cat:`, completion: ' meow' }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, changes: Record<string, unknown> = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: join(folder, 'base'),
    output: join(folder, output),
    data: { train: join(folder, 'rows.jsonl') },
    method: { kind: 'lora', config: { r: 4 } },
    steps: 6,
    batch: { rows: 8 },
    threads: 1,
    ...changes,
  });

function watched(stopAfter = Infinity): { context: JobContext; said: () => string } {
  const events: JobEvent[] = [];
  return {
    context: {
      emit: (event) => void events.push(event),
      stopRequested: () => events.filter(({ type }) => type === 'step').length >= stopAfter,
      now: () => performance.now(),
    },
    said: () => events.flatMap((event) => (event.type === 'run' ? (event.memory ?? '') : [])).join(),
  };
}

test('a run for which no memory is enough is refused with what it needs and what there is, before it takes a step', async () => {
  const error: unknown = await runTrain(specOf('tight', { memoryMaxBytes: 50e6 }), watched().context).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'memory', findings: [{ severity: 'error', where: 'memory' }] });
  expect(String(error)).toMatch(/takes 0\.1\d GB at least, and there are 0\.05 GB \(memoryMaxBytes\)/);
});

test('a run tells how it takes its steps and why, and its report keeps it', async () => {
  const { context, said } = watched();
  const report = await runTrain(specOf('wide'), context);
  expect(said()).toMatch(
    /^all that is needed is kept, .*1024 tokens at once, about 0\.\d\d GB: the fastest that fits /,
  );
  expect(report.plan).toEqual({ memory: stepMemory.fast, microBatchTokens: 1024, compute: 'float32' });
});

test('a run goes on as it began, with whatever memory there is then: to the same numbers', async () => {
  const whole = await runTrain(specOf('whole'), watched().context);
  await expect(runTrain(specOf('parted'), watched(3).context)).rejects.toThrow(UnavailableError);
  // nothing fits into one byte
  const parted = await runTrain(specOf('parted', { memoryMaxBytes: 1 }), watched().context);
  expect(parted.plan).toEqual(whole.plan);
  const weights = 'adapter_model.safetensors';
  expect(parted.files[weights]?.sha256).toBe(whole.files[weights]?.sha256);
});

test('what a checkpoint says of its run holds, also where this machine would choose otherwise', async () => {
  await expect(runTrain(specOf('moved'), watched(3).context)).rejects.toThrow(UnavailableError);
  const path = join(folder, 'moved.run', 'checkpoints', 'step-00000003', 'state.json');
  const written = JSON.parse(await readFile(path, 'utf8')) as { state: { plan: unknown } };
  expect(written.state.plan).toEqual({ memory: stepMemory.fast, microBatchTokens: 1024, compute: 'float32' });
  written.state.plan = { memory: stepMemory.lean, microBatchTokens: 256 };
  await writeFile(path, JSON.stringify(written));
  const { context, said } = watched();
  const { plan } = await runTrain(specOf('moved'), context);
  expect(said()).toMatch(/^layers are computed again.*256 tokens at once: as the run began$/);
  expect(plan).toEqual(written.state.plan);
});
