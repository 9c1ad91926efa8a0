/**
 * What format code knows of the outside world: something to read bytes from and something to write them to.
 * The formats do no I/O of their own; files, buffers and objects in a bucket implement these.
 */

/** Random access to an immutable run of bytes. */
export interface ByteSource {
  /** For messages only: a file name or a key. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Resolves to exactly `lengthBytes` bytes from `offset`, or rejects. The caller may keep the array. */
  read(offset: number, lengthBytes: number): Promise<Uint8Array>;
  /** Fills `target` with the bytes from `offset` on, or rejects: for many reads without a new array for each. */
  readInto?(target: Uint8Array, offset: number): Promise<void>;
}

/** Sequential output. Resolves once the bytes are accepted; the caller may then reuse the array. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

/** A source over bytes that are already in memory. */
export function bytesSource(bytes: Uint8Array, name = 'bytes'): ByteSource {
  return {
    name,
    sizeBytes: bytes.byteLength,
    read(offset, lengthBytes) {
      if (offset < 0 || lengthBytes < 0 || offset + lengthBytes > bytes.byteLength)
        return Promise.reject(new RangeError(`${name}: read of ${lengthBytes} bytes at ${offset} is out of range`));
      return Promise.resolve(bytes.slice(offset, offset + lengthBytes));
    },
  };
}
