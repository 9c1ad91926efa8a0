import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../shared/errors.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import { inspect } from './inspect.ts';
import type { FromThread, ThreadSettings, ToThread } from './thread-messages.ts';

/** Inspects files whose bytes the other side reads. */
const port = parentPort;
invariant(port, 'this file is started as a thread');
const { task, files } = (workerData as { settings: ThreadSettings }).settings; // what the starter gave
const waiting = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: Error): void }>();
let wanted = 0;

const tell = (message: FromThread): void => port.postMessage(message);

port.on('message', (message: ToThread) => {
  const reader = waiting.get(message.want);
  waiting.delete(message.want);
  if ('bytes' in message) reader?.resolve(message.bytes);
  else reader?.reject(new Error(message.failure));
});

const sources = files.map(({ name, sizeBytes }, file): ByteSource => ({
  name,
  sizeBytes,
  read: (offset, lengthBytes) =>
    new Promise((resolve, reject) => {
      const want = ++wanted;
      waiting.set(want, { resolve, reject });
      tell({ want, file, offset, lengthBytes });
    }),
}));

try {
  tell({ report: await inspect(task, sources) });
} catch (failure) {
  tell({ failure });
}
port.close();
