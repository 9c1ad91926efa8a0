/**
 * First file of every worker thread: Node cannot load TypeScript in a worker by itself, so the loader is registered here and
 * then `workerData.entry` (a file URL) is imported.
 */
import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.entry);
