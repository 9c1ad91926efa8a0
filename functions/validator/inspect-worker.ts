import { parentPort } from 'node:worker_threads';
import { invariant } from '../../shared/errors.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import { limits } from '../../shared/limits.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import type { FromThread, ThreadTask, ToThread } from './thread-messages.ts';

/** Inspects files whose bytes the other side reads. */
const port = parentPort;
invariant(port, 'this file is started as a thread');
const waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
let wanted = 0;
const tell = (message: FromThread): void => port.postMessage(message);
port.on('message', (message: ToThread) => {
  if ('task' in message) return void work(message);
  const { want, failure } = message;
  const reader = waiting.get(want);
  waiting.delete(want);
  if (failure === undefined) reader?.resolve();
  else reader?.reject(new Error(failure));
});

async function work({ task, files }: ThreadTask): Promise<void> {
  try {
    tell({ report: await inspect(task, files.map(sourceOf)) });
  } catch (failure) {
    tell({ failure });
  }
}

/** Pieces of shared memory that nothing is being read into. */
const free: Uint8Array[] = [];

async function readInto(file: number, target: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < target.byteLength;) {
    const whole = free.pop() ?? new Uint8Array(new SharedArrayBuffer(limits.validationChunkBytes));
    const piece = whole.subarray(0, Math.min(whole.byteLength, target.byteLength - done));
    const from = offset + done;
    await new Promise<void>((resolve, reject) => {
      const want = ++wanted;
      waiting.set(want, { resolve, reject });
      tell({ want, file, offset: from, target: piece });
    });
    target.set(piece, done);
    free.push(whole);
    done += piece.byteLength;
  }
}

function sourceOf({ name, sizeBytes }: ThreadTask['files'][number], file: number): ByteSource {
  return {
    name,
    sizeBytes,
    readInto: (target, offset) => readInto(file, target, offset),
    async read(offset, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      await readInto(file, bytes, offset);
      return bytes;
    },
  };
}
