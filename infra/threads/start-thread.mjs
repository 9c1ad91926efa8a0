/** First file of every worker thread of a deployed function, where the files of threads are bundled already. */
import { workerData } from 'node:worker_threads';

await import(workerData.entry.replace(/\.ts$/, '.mjs'));
