import { deltaFigures } from '../domain/gram.ts';
import type { StoredPair } from '../domain/stored-lora.ts';
import { invariant, type Finding } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { dtypeBytes, isDecodable } from '../formats/dtype.ts';
import type { TensorEntry } from '../formats/safetensors-header.ts';
import { scanFloats } from '../formats/scan-floats.ts';
import { limits } from '../limits.ts';
import { gramOfA, gramOfB, newScratch, type FactorDtype, type FactorGram, type Scratch } from './factor-gram.ts';
import type { OnceSource } from './read-once.ts';

/** What the values of a weights file say. */
export interface WeightsScan {
  /** Names of tensors of floats that are zero throughout. */
  readonly zero: ReadonlySet<string>;
  /** By module, of plain pairs whose values are finite; not yet scaled. */
  readonly deltas: ReadonlyMap<string, { readonly norm: number; readonly probe: number }>;
  readonly findings: readonly Finding[];
}

/** How much is held at once. */
export interface ScanBounds {
  readonly chunkBytes: number;
  readonly valuesMax: number;
  readonly pendingBytesMax: number;
}

const usualBounds: ScanBounds = {
  chunkBytes: limits.validationChunkBytes,
  valuesMax: limits.validationValuesMax,
  pendingBytesMax: limits.validationPendingBytesMax,
};

type Pairs = ReadonlyMap<string, StoredPair<TensorEntry>>;

/**
 * Looks at every value of a file, front to back, in pieces, and computes the norm of each pair's delta on the way. Few bytes are
 * read again: factors too large to hold, and pairs whose halves lie far apart.
 */
export async function scanWeights(
  source: OnceSource,
  tensors: Iterable<TensorEntry>,
  pairs: Pairs,
  bounds: ScanBounds = usualBounds,
): Promise<WeightsScan> {
  const zero = new Set<string>();
  const findings: Finding[] = [];
  const broken = new Set<string>();
  const norms = normsOf(pairs, bounds);
  const buffer = new Uint8Array(bounds.chunkBytes);
  for (const entry of tensors) {
    if (!isDecodable(entry.dtype)) continue;
    const gram = norms.begin(entry);
    const width = dtypeBytes(entry.dtype) * (gram?.rowValues ?? 1);
    const pieceBytes = Math.floor(buffer.byteLength / width) * width; // a row is far smaller than a piece
    let isZero = true;
    let nonFinite: number | undefined;
    for (let done = 0; done < entry.lengthBytes; done += pieceBytes) {
      const piece = buffer.subarray(0, Math.min(pieceBytes, entry.lengthBytes - done));
      await source.readInto(piece, entry.offset + done);
      const scan = scanFloats(entry.dtype, piece);
      isZero &&= scan.zero;
      if (scan.nonFiniteAt !== undefined) nonFinite ??= done / dtypeBytes(entry.dtype) + scan.nonFiniteAt;
      gram?.taker.add(piece);
    }
    if (isZero) zero.add(entry.name);
    if (nonFinite !== undefined) {
      const message = `value ${nonFinite} is NaN or infinite: the training run that wrote it had diverged`;
      findings.push({ severity: 'error', code: 'not-finite', message, where: entry.name });
      broken.add(entry.name);
    }
    if (gram) norms.end(entry, gram.taker);
  }
  const deltas = await norms.finish(source);
  for (const [module, { A, B }] of pairs) if (broken.has(A.name) || broken.has(B.name)) deltas.delete(module);
  return { zero, deltas, findings };
}

/** Keeps half-finished norms, as many as the limit allows; what is left over is read again by `finish`. */
function normsOf(
  pairs: Pairs,
  bounds: ScanBounds,
): {
  begin(entry: TensorEntry): { readonly taker: FactorGram; readonly rowValues: number } | undefined;
  end(entry: TensorEntry, taker: FactorGram): void;
  finish(source: ByteSource): Promise<Map<string, { norm: number; probe: number }>>;
} {
  const deltas = new Map<string, { norm: number; probe: number }>();
  const roles = new Map<string, { readonly pair: StoredPair<TensorEntry>; readonly side: 'A' | 'B' }>();
  const waiting = new Map<string, { readonly side: 'A' | 'B'; readonly gram: Float64Array }>();
  const later = new Set<string>();
  let waitingBytes = 0;
  const scratch = newScratch(); // one factor is worked on at a time
  for (const pair of pairs.values()) {
    if (pair.kind === 'parameter' || pair.r > limits.validationRankMax) continue;
    if (pair.r * pair.inFeatures > bounds.valuesMax) later.add(pair.module);
    roles.set(pair.A.name, { pair, side: 'A' }).set(pair.B.name, { pair, side: 'B' });
  }
  return {
    begin({ name }) {
      const role = roles.get(name);
      if (!role || later.has(role.pair.module)) return undefined;
      return role.side === 'A'
        ? { taker: takerOfA(scratch, role.pair), rowValues: 1 }
        : { taker: takerOfB(scratch, role.pair), rowValues: role.pair.r };
    },
    end({ name }, taker) {
      const role = roles.get(name);
      invariant(role, 'only factors are taken in');
      const { pair, side } = role;
      const gram = taker.result();
      const other = waiting.get(pair.module);
      if (other) {
        waiting.delete(pair.module);
        waitingBytes -= other.gram.byteLength;
        deltas.set(
          pair.module,
          side === 'A' ? deltaFigures(gram, other.gram, pair.r) : deltaFigures(other.gram, gram, pair.r),
        );
      } else if (waitingBytes + gram.byteLength > bounds.pendingBytesMax) later.add(pair.module);
      else {
        waiting.set(pair.module, { side, gram });
        waitingBytes += gram.byteLength;
      }
    },
    async finish(source) {
      for (const module of later) {
        const pair = pairs.get(module);
        invariant(pair, 'what is read again is one of the pairs');
        deltas.set(
          module,
          deltaFigures(
            await readGramOfA(source, pair, bounds, scratch),
            await readGramOfB(source, pair, bounds, scratch),
            pair.r,
          ),
        );
      }
      return deltas;
    },
  };
}

const takerOfA = (scratch: Scratch, { A, r, inFeatures }: StoredPair<TensorEntry>): FactorGram =>
  gramOfA(scratch, A.dtype as FactorDtype, r, inFeatures); // pairs hold floats
const takerOfB = (scratch: Scratch, { B, r }: StoredPair<TensorEntry>): FactorGram =>
  gramOfB(scratch, B.dtype as FactorDtype, r);

/** In strips of columns: of each row the piece that belongs to the strip. */
async function readGramOfA(
  source: ByteSource,
  { A, r, inFeatures }: StoredPair<TensorEntry>,
  { valuesMax }: ScanBounds,
  scratch: Scratch,
): Promise<Float64Array> {
  const width = dtypeBytes(A.dtype);
  const strip = Math.max(1, Math.floor(valuesMax / r));
  let sum: Float64Array | undefined;
  for (let first = 0; first < inFeatures; first += strip) {
    const columns = Math.min(strip, inFeatures - first);
    const taker = gramOfA(scratch, A.dtype as FactorDtype, r, columns, first);
    for (let row = 0; row < r; row++)
      taker.add(aligned(await source.read(A.offset + (row * inFeatures + first) * width, columns * width), width));
    const part = taker.result();
    if (sum) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
    else sum = part;
  }
  invariant(sum, 'a factor has columns');
  return sum;
}

async function readGramOfB(
  source: ByteSource,
  { B, r }: StoredPair<TensorEntry>,
  { chunkBytes }: ScanBounds,
  scratch: Scratch,
): Promise<Float64Array> {
  const taker = gramOfB(scratch, B.dtype as FactorDtype, r);
  const width = dtypeBytes(B.dtype);
  const pieceBytes = Math.max(1, Math.floor(chunkBytes / (width * r))) * width * r;
  for (let done = 0; done < B.lengthBytes; done += pieceBytes)
    taker.add(aligned(await source.read(B.offset + done, Math.min(pieceBytes, B.lengthBytes - done)), width));
  return taker.result();
}

/** A source may give its bytes from the middle of a larger buffer. */
const aligned = (bytes: Uint8Array, width: number): Uint8Array =>
  bytes.byteOffset % width === 0 ? bytes : bytes.slice();
