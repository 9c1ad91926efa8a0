import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exists } from '../../gpu-job/folders/files.ts';
import { uniform } from '../support/random-base.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

const main = fileURLToPath(new URL('../../gpu-job/main.ts', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-kill-'));
  await writeTinyBase(join(folder, 'base'));
  const rows = Array.from({ length: 60 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Checkpoints every few milliseconds, so that a kill often hits one that is being written. */
async function writeSpec(output: string): Promise<string> {
  const path = join(folder, `${output}.json`);
  const spec = {
    kind: 'train',
    base: 'base',
    output,
    data: { train: 'rows.jsonl', evalFraction: 0.1 },
    method: { kind: 'lora', config: { r: 2, lora_dropout: 0.1 } },
    steps: 60,
    batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
    optimizer: { learningRate: 0.01 },
    evaluation: { everySteps: 20 },
    samples: { prompts: [{ prompt: '7 + 1 =' }], maxNewTokens: 4, temperature: 1 },
    checkpoint: { everySeconds: 0.05 },
    threads: 1, // tests share the cores, and threads that wait for each other then cost far more than they bring
  };
  await writeFile(path, JSON.stringify(spec));
  return path;
}

/** Runs the job as a process of its own, and sends it a signal some milliseconds after so many events. */
async function run(
  spec: string,
  end?: { readonly signal: NodeJS.Signals; readonly afterEvents: number; readonly milliseconds?: number },
): Promise<{ code: number | null; signal: string | null; lines: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', main, spec], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (lines.length === end?.afterEvents) setTimeout(() => child.kill(end.signal), end.milliseconds ?? 0);
  });
  const errors: Buffer[] = [];
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
  const result = await new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  if (result.code === 1) throw new Error(Buffer.concat(errors).toString());
  return { ...result, lines };
}

const resultOf = async (output: string): Promise<{ weights: Buffer; metrics: unknown[] }> => {
  const metrics = await readFile(join(folder, output, 'metrics.jsonl'), 'utf8');
  return {
    weights: await readFile(join(folder, output, 'adapter_model.safetensors')),
    metrics: metrics
      .trim()
      .split('\n')
      .map((line) => ({ ...(JSON.parse(line) as object), tokensPerSecond: undefined })),
  };
};

test('killed at any moment and started again, a run ends with the same bits as one that was left alone', async () => {
  const steady = await run(await writeSpec('steady'));
  expect(steady.code).toBe(0);
  const spec = await writeSpec('killed');
  const random = uniform(Date.now());
  let kills = 0;
  let finished = false;
  let kept = 0;
  while (!finished) {
    const end = { signal: 'SIGKILL', afterEvents: 2 + Math.floor(random() * 50), milliseconds: random() * 15 } as const;
    const { signal, code, lines } = await run(spec, kills < 5 ? end : undefined);
    const events = lines.map((line) => JSON.parse(line) as { type: string; step: number; firstStep: number });
    // a checkpoint that was announced is never lost: at most what came after it is done again
    for (const { firstStep } of events.filter(({ type }) => type === 'run')) expect(firstStep).toBeGreaterThan(kept);
    kept = Math.max(kept, ...events.filter(({ type }) => type === 'checkpoint').map(({ step }) => step));
    if (signal === 'SIGKILL') kills++;
    else {
      expect(code).toBe(0);
      finished = true;
    }
  }
  expect(kills).toBeGreaterThanOrEqual(2);
  expect(await resultOf('killed')).toEqual(await resultOf('steady'));
}, 240_000);

test('asked to end, a run saves its work, says so with its exit code and goes on from there', async () => {
  const spec = await writeSpec('asked');
  const stopped = await run(spec, { signal: 'SIGTERM', afterEvents: 20 });
  expect(stopped.code).toBe(75);
  expect(stopped.lines.some((line) => line.includes('"type":"stopping"'))).toBe(true);
  expect(stopped.lines.at(-1)).toContain('Stopped after step');
  expect(await exists(join(folder, 'asked'))).toBe(false);
  const resumed = await run(spec);
  expect(resumed.code).toBe(0);
  const first = JSON.parse(resumed.lines[0] ?? '') as { firstStep: number };
  expect(first.firstStep).toBeGreaterThan(1);
  expect(await resultOf('asked')).toEqual(await resultOf('steady'));
}, 120_000);

test('a spec that cannot be run ends with 2 and says why', async () => {
  const spec = join(folder, 'wrong.json');
  await writeFile(spec, JSON.stringify({ kind: 'train', base: 'base', stesp: 4 }));
  const { code, lines } = await run(spec);
  expect(code).toBe(2);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'failed', code: 'spec' });
  expect(lines.at(-1)).toContain('did you mean \\"steps\\"?');
}, 60_000);
