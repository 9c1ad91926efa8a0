import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { DomainError } from '../errors.ts';
import type { MultipartPart } from '../platform/ports.ts';
import type { BlobIndex, Upload } from './blob-index.ts';
import type { Durability } from './database.ts';
import { errorCode, syncFile } from './durable-files.ts';

const batchBytes = 262_144;

interface Writing {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Writes parts where they belong in the upload's one file, hashing on the way: every byte is written once and never read again.
 * One process at a time receives parts.
 */
export class PartWriter {
  readonly #index: BlobIndex;
  readonly #pathOf: (uploadId: string) => string;
  readonly #durability: Durability;
  readonly #writing = new Map<string, Writing>();

  constructor(index: BlobIndex, pathOf: (uploadId: string) => string, durability: Durability) {
    this.#index = index;
    this.#pathOf = pathOf;
    this.#durability = durability;
  }

  /**
   * Takes the bytes of one part. Throws `DomainError('no-such-upload' | 'wrong-size' | 'wrong-hash' | 'part-superseded')`.
   * A part that is there already with this hash is only compared, so sending it again cannot spoil it.
   */
  async receive(uploadId: string, part: MultipartPart, body: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = this.#index.findUpload(uploadId);
    if (!upload) throw gone(uploadId);
    const name = `${uploadId}/${part.number}`;
    const earlier = this.#writing.get(name);
    const stop = new AbortController();
    const work = this.#take(upload, part, body, stop.signal, earlier);
    const writing: Writing = { stop, ended: work.then(nothing, nothing) };
    this.#writing.set(name, writing);
    try {
      await work;
    } finally {
      if (this.#writing.get(name) === writing) this.#writing.delete(name);
    }
  }

  /** Ends what is on its way for an upload. */
  async stop(uploadId: string): Promise<void> {
    const ending = [...this.#writing].filter(([name]) => name.startsWith(`${uploadId}/`)).map(([, writing]) => writing);
    for (const { stop } of ending) stop.abort();
    await Promise.all(ending.map(({ ended }) => ended));
  }

  async #take(
    { uploadId, partSizeBytes }: Upload,
    part: MultipartPart,
    body: AsyncIterable<Uint8Array>,
    stop: AbortSignal,
    earlier: Writing | undefined,
  ): Promise<void> {
    // the newest request wins: the one before may hang on a connection that is dead
    earlier?.stop.abort();
    await earlier?.ended;
    const there = this.#index.parts(uploadId).find(({ number }) => number === part.number);
    const same = there?.sha256 === part.sha256 && there.sizeBytes === part.sizeBytes;
    if (same) return compare(body, part, undefined, stop);
    if (there) this.#index.removePart(uploadId, part.number);
    const file = await open(this.#pathOf(uploadId), 'r+').catch((error: unknown) => {
      throw errorCode(error) === 'ENOENT' ? gone(uploadId) : error;
    });
    try {
      await compare(body, part, { file, offset: (part.number - 1) * partSizeBytes }, stop);
      await syncFile(file, this.#durability);
    } finally {
      await file.close();
    }
    if (stop.aborted) throw superseded();
    if (!this.#index.addPart(uploadId, part)) throw gone(uploadId);
  }
}

/** Reads a body to its end, hashes it, writes it where `target` says, and refuses it unless size and hash are as announced. */
async function compare(
  body: AsyncIterable<Uint8Array>,
  part: MultipartPart,
  target: { readonly file: FileHandle; readonly offset: number } | undefined,
  stop: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256');
  let taken = 0;
  let written: Promise<unknown> = Promise.resolve();
  for await (const batch of batches(body, stop)) {
    const sizeBytes = batch.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    if (taken + sizeBytes > part.sizeBytes) throw wrongSize(part, `more than ${part.sizeBytes}`);
    // the write before goes on while this batch is hashed
    for (const chunk of batch) hash.update(chunk);
    await written;
    written = target ? writeAll(target.file, batch, target.offset + taken) : written;
    // whoever throws before the next wait must not leave it unhandled
    written.catch(nothing);
    taken += sizeBytes;
  }
  await written;
  if (taken !== part.sizeBytes) throw wrongSize(part, String(taken));
  if (hash.digest('hex') !== part.sha256) {
    throw new DomainError(
      'wrong-hash',
      `Part ${part.number} has another SHA-256 than announced: it changed on the way or on disk. Send it again.`,
    );
  }
}

/** Chunks gathered to a quarter of a megabyte: fewer and larger writes, and little held for each of many parts. */
async function* batches(body: AsyncIterable<Uint8Array>, stop: AbortSignal): AsyncIterable<Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of untilStopped(body, stop)) {
    batch.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes < batchBytes) continue;
    yield batch;
    batch = [];
    sizeBytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** The body, given up at once when asked to stop, even while no bytes come. */
async function* untilStopped(body: AsyncIterable<Uint8Array>, stop: AbortSignal): AsyncIterable<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let giveUp = (_error: Error): void => {};
  stop.addEventListener('abort', () => giveUp(superseded()), { once: true });
  try {
    for (;;) {
      if (stop.aborted) throw superseded();
      // not Promise.race: a promise that outlives the chunks would hold every one of them
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // a body that hangs would never answer, so nobody waits for it
    iterator.return?.().then(nothing, nothing);
  }
}

async function writeAll(file: FileHandle, batch: readonly Uint8Array[], position: number): Promise<void> {
  const wanted = batch.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const { bytesWritten } = await file.writev(batch, position);
  if (bytesWritten === wanted) return;
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  await writeAll(file, [rest], position + bytesWritten);
}

const nothing = (): void => {};

const gone = (uploadId: string): DomainError =>
  new DomainError(
    'no-such-upload',
    `There is no upload ${uploadId}: it was completed, aborted or dropped after a week.`,
  );

const superseded = (): DomainError =>
  new DomainError('part-superseded', 'This part was sent again, or its upload ended, while it was on its way.');

const wrongSize = ({ number, sizeBytes }: MultipartPart, found: string): DomainError =>
  new DomainError('wrong-size', `Part ${number} has ${found} bytes instead of ${sizeBytes}: send it again whole.`);
