/**
 * First file of every worker thread: Node cannot load TypeScript in a worker by itself, so the loader is registered here and
 * then `workerData.entry` (a file URL) is imported. What the process has compiled needs no loader.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { getEnvironmentData, workerData } from 'node:worker_threads';

const compiled = getEnvironmentData('compiledPrograms')?.[workerData.entry];
// temporary folders are cleared at times
if (compiled !== undefined && existsSync(fileURLToPath(compiled))) {
  // a new thread takes this back for the whole process; `compile-program.mjs` says why
  setFlagsFromString('--semi-space-growth-factor=1');
  await import(compiled);
} else {
  const { register } = await import('tsx/esm/api');
  register();
  await import(workerData.entry);
}
