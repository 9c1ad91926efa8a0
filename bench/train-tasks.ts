/** A step of four adapters on one base, against the four steps of runs by themselves: time, and memory at the peak, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { loraMethod } from '../gpu-job/methods/lora.ts';
import { sharedLora } from '../gpu-job/methods/shared-lora.ts';
import { requireMethod, tunedModel } from '../gpu-job/methods/tuned-model.ts';
import { accumulateTasks, ofTasks } from '../gpu-job/training/accumulate-tasks.ts';
import { makeBatches } from '../gpu-job/training/batches.ts';
import { createTrainStep } from '../gpu-job/training/step-graph.ts';
import { uniform } from '../test/support/random-base.ts';
import { median } from './median.ts';
import { caseFolder, caseShape } from './train-case.ts';

const tasks = 4;
const rank = 8;
/** Tokens of one task in a step: one short row, a few, many. */
const sizes = [32, 128, 512] as const;
const steps = { warmUp: 2, timed: 5 };
type Way = 'together' | 'alone';

export async function benchTrainTasks(): Promise<Record<string, unknown>> {
  await caseFolder('F32');
  const figures: Record<string, unknown> = {
    bench: 'train-tasks',
    shape: `SmolLM2-135M, ${tasks} adapters, r=${rank} on all linear layers, float32, 512 tokens at once`,
  };
  for (const tokens of sizes) {
    const [together, alone] = (['together', 'alone'] as const).map((way) => inProcess(way, tokens)) as [
      Figures,
      Figures,
    ];
    figures[`${tokens} tokens: seconds together`] = together.seconds;
    figures[`${tokens} tokens: seconds of ${tasks} alone`] = tasks * alone.seconds;
    figures[`${tokens} tokens: times as fast`] = (tasks * alone.seconds) / together.seconds;
    figures[`${tokens} tokens: MB together`] = together.peakRssMb;
    figures[`${tokens} tokens: MB of one alone`] = alone.peakRssMb;
  }
  return figures;
}

interface Figures {
  readonly seconds: number;
  readonly peakRssMb: number;
}

function inProcess(way: Way, tokens: number): Figures {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), way, String(tokens)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the step of ${tokens} tokens ${way} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Figures; // written by `measure`
}

async function measure(way: Way, tokens: number): Promise<Figures> {
  const base = await openBaseModel(await caseFolder('F32'));
  const count = way === 'together' ? tasks : 1;
  const model = tunedModel(base, (known) => {
    const targets = known.linears.map(({ module }) => ({ module, r: rank, scaling: 2 }));
    if (way === 'alone') return loraMethod(known, targets);
    return sharedLora(
      known,
      Array.from({ length: tasks }, (_, i) => ({ name: `task ${i}`, targets })),
    );
  });
  const random = uniform(1);
  const values = new Map(
    requireMethod(model).parameters.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.02 * (random() - 0.5)),
    ]),
  );
  const length = Math.min(tokens, 128);
  const perTask = tokens / length;
  const rows = Array.from({ length: count * perTask }, () => ({
    tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * caseShape.vocabulary)),
    trained: new Uint8Array(length + 1).fill(1),
  }));
  const shape = { microBatchTokens: 512, packing: false, packTokens: length, lengthMax: length };
  const batches = makeBatches(rows, [...rows.keys()], shape);
  const step = await createTrainStep(model);
  const seconds: number[] = [];
  for (let i = 0; i < steps.warmUp + steps.timed; i++) {
    const started = performance.now();
    if (way === 'alone')
      for (const batch of batches) await step.run(values, batch, { lossScale: 1 / batch.labelCount });
    else {
      const owned = batches.map((batch) =>
        ofTasks(
          batch,
          rows.map((_, row) => Math.floor(row / perTask)),
        ),
      );
      await accumulateTasks(step, values, owned, tasks);
    }
    if (i >= steps.warmUp) seconds.push((performance.now() - started) / 1000);
  }
  await step.close();
  return { seconds: median(seconds), peakRssMb: process.resourceUsage().maxRSS / 1024 };
}

const [, script, way, tokens] = process.argv;
if (script === fileURLToPath(import.meta.url) && (way === 'together' || way === 'alone'))
  console.log(JSON.stringify(await measure(way, Number(tokens))));
