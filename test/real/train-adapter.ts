import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runCommand } from './command.ts';
import { writePassages } from './passages.ts';
import { places } from './places.ts';

const steps = 30;

/** Trains an adapter on speeches by `lorary train`, as a user would, in the folder `run`. Losses are held-out, in nats a token. */
export async function trainAdapter(
  base: string = places.base,
  run: string = places.run,
): Promise<{ adapter: string; steps: number; first: number; last: number }> {
  await rm(run, { recursive: true, force: true });
  await mkdir(run, { recursive: true });
  const data = await writePassages(run);
  const adapter = join(run, 'adapter');
  const flags = {
    '--base': base,
    '--data': data.train,
    '--eval': data.heldOut,
    '--output': adapter,
    '--r': 8,
    '--lora-alpha': 16,
    '--steps': steps,
    '--batch-rows': 4,
    '--learning-rate': 1e-3,
    '--eval-every': 15,
    '--seed': 1,
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]);
  const output = await runCommand(
    process.execPath,
    [join(places.root, 'cli', 'lorary.js'), 'train', ...args, '--json'],
    { timeoutSeconds: 3600 }, // a minute or two, but for machines that are busy with other things
  );
  const report = reportSchema.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
  return { adapter, steps: report.steps, first: report.evalLossBefore, last: report.evalLoss };
}

/** What is used of the report of a training job. */
const reportSchema = z.looseObject({ steps: z.number(), evalLossBefore: z.number(), evalLoss: z.number() });
