import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import type { StepWorkerData, StepWorkerMessage } from '../../gpu-job/training/step-workers.ts';

// A step worker of which the first is gone as soon as it has something to do.
const { index } = workerData as StepWorkerData; // given by step-workers.ts
const port = parentPort;
if (index > 0) await import('../../gpu-job/step-worker.ts');
else if (port) {
  const order = once(port, 'message');
  const ready: StepWorkerMessage = { type: 'ready' };
  port.postMessage(ready, []);
  await order;
  process.exit(3);
}
