import type { ByteSource } from '../formats/bytes.ts';
import { limits } from '../limits.ts';

/** A hash that takes its bytes piece by piece, such as `createHash('sha256')` of Node. */
export interface IncrementalHash {
  update(bytes: Uint8Array): void;
  /** The hash in lower-case hexadecimal; called once, at the end. */
  hex(): string;
}

/** A source that is read front to back: every byte is fetched once, in large pieces, and hashed on its way. */
export interface OnceSource extends ByteSource {
  readInto(target: Uint8Array, offset: number): Promise<void>;
  /** Reads what is left and gives the hash of the whole. */
  finish(): Promise<string>;
}

/**
 * Reads `source` in windows, the next one on its way while the last is worked on. Reading forward is cheap whatever the
 * length; reading back goes to `source` itself. `onRead` is told how many bytes have come. Throws the reason of `stop`.
 */
export function readOnce(
  source: ByteSource,
  options: {
    readonly hash: IncrementalHash;
    readonly onRead?: (bytes: number) => void;
    readonly stop?: AbortSignal | undefined;
    readonly windowBytes?: number;
  },
): OnceSource {
  const { hash, onRead, stop, windowBytes = limits.validationChunkBytes } = options;
  const buffers = [0, 1].map(() => new Uint8Array(source.readInto ? Math.min(windowBytes, source.sizeBytes) : 0));
  let window: Uint8Array = new Uint8Array(0);
  let start = 0;
  let end = 0;
  let upcoming: Promise<Uint8Array> | undefined;
  const load = (offset: number): Promise<Uint8Array> => {
    const length = Math.min(windowBytes, source.sizeBytes - offset);
    buffers.reverse(); // the window in use keeps its own
    const target = buffers[0]?.subarray(0, length);
    if (!source.readInto || !target) return source.read(offset, length);
    return source.readInto(target, offset).then(() => target);
  };
  const advance = async (): Promise<void> => {
    stop?.throwIfAborted();
    window = await (upcoming ?? load(end));
    start = end;
    end += window.byteLength;
    upcoming = end < source.sizeBytes ? load(end) : undefined;
    upcoming?.catch(() => undefined); // told when its turn comes
    hash.update(window);
    onRead?.(end);
  };
  const readInto = async (target: Uint8Array, offset: number): Promise<void> => {
    if (offset < 0 || offset + target.byteLength > source.sizeBytes)
      throw new RangeError(`${source.name}: read of ${target.byteLength} bytes at ${offset} is out of range`);
    if (offset < start) return target.set(await source.read(offset, target.byteLength));
    let done = 0;
    while (done < target.byteLength) {
      const at = offset + done;
      if (at >= end) await advance();
      else {
        const piece = window.subarray(at - start, Math.min(end - start, at - start + target.byteLength - done));
        target.set(piece, done);
        done += piece.byteLength;
      }
    }
  };
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    readInto,
    async read(offset, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      await readInto(bytes, offset);
      return bytes;
    },
    async finish() {
      while (end < source.sizeBytes) await advance();
      return hash.hex();
    },
  };
}
