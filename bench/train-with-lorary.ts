/** `train-with-lorary.ts THREADS fast|middle|lean`, the step of `train-vs-peft` with Lorary: takes one for each line it reads and prints its seconds and loss. */
import { createInterface } from 'node:readline';
import { requireMethod } from '../gpu-job/methods/tuned-model.ts';
import { stepMemory } from '../shared/domain/step-memory.ts';
import { openStep, prepareTrainCase } from './train-case.ts';

const { model, takeStep } = await prepareTrainCase();
const threads = Number(process.argv[2]);
const memory = process.argv[3] as keyof typeof stepMemory; // as `train-vs-peft` calls it
const { step, sessionSeconds } = await openStep(model, { threads, memory: stepMemory[memory] });
const parameters = requireMethod(model).parameters.reduce(
  (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
  0,
);
console.log(JSON.stringify({ parameters, sessionSeconds }));
for await (const _ of createInterface({ input: process.stdin })) {
  const { seconds, loss } = await takeStep(step);
  console.log(JSON.stringify({ seconds, loss, peakRssMb: process.resourceUsage().maxRSS / 1024 }));
}
await step.close();
