import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../shared/errors.ts';
import { failureOf } from '../shared/platform/job-failure.ts';
import { openBaseModel } from './folders/base-model.ts';
import { plannedModel } from './jobs/planned-model.ts';
import { deviceOfWorker } from './runtime/device.ts';
import { addTo } from './training/accumulate.ts';
import { copyValues } from './training/shared-values.ts';
import { createTrainStep, type TrainStep } from './training/step-graph.ts';
import type { StepOrder, StepWorkerData, StepWorkerMessage, StepWorkerOrder } from './training/step-workers.ts';
import { openTurns } from './training/turns.ts';

/** One of the workers that share the steps of a run: opens a session, says so, and takes orders until it is told to close. */
const port = parentPort;
invariant(port, 'this file runs in a thread');
const { model, index, values: shared, sums, turns: memory } = workerData as StepWorkerData; // given by step-workers.ts
const turns = openTurns(memory);
/** The runtime takes no inputs from shared memory. */
const values = new Map([...shared].map(([name, { length }]) => [name, new Float32Array(length)]));
const send = (message: StepWorkerMessage): void => port.postMessage(message);

/** Takes micro-batches until there are none, and adds the gradients of each when it is its turn. */
async function work(step: TrainStep, { batches, seeds, labels, gradientScale }: StepOrder): Promise<StepWorkerMessage> {
  copyValues(shared, values);
  const losses: [number, number][] = [];
  for (let i = turns.take(); i < batches.length; i = turns.take()) {
    const [batch, seed] = [batches[i], seeds[i]];
    invariant(batch && seed !== undefined, `there is a micro-batch ${i}`);
    const { gradients, lossSum } = await step.run(values, batch, { lossScale: gradientScale / labels, seed });
    turns.wait(i);
    if (i === 0) copyValues(gradients, sums);
    else addTo(sums, gradients);
    turns.finish(i);
    losses.push([i, lossSum]);
  }
  return { type: 'done', losses };
}

async function nextOrder(): Promise<StepWorkerOrder> {
  const [order] = (await once(port as NonNullable<typeof port>, 'message')) as [StepWorkerOrder];
  return order;
}

try {
  const base = await openBaseModel(model.base);
  const step = await createTrainStep(plannedModel(base, model.method), {
    ...model.options,
    device: deviceOfWorker(model.options.device ?? 'cpu', index),
  });
  let answer: StepWorkerMessage = { type: 'ready' };
  for (;;) {
    const next = nextOrder();
    send(answer);
    const order = await next;
    if (order === 'close') break;
    answer = await work(step, order);
  }
  await step.close();
} catch (error) {
  send({ type: 'failed', failure: failureOf(error) });
}
