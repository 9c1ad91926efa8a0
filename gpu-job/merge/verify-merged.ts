import { join } from 'node:path';
import { invariant, type Finding } from '../../shared/errors.ts';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import type { Shard } from '../../shared/formats/model-index.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import { hashFile, type FileDigest } from '../folders/hashes.ts';
import {
  checkBlock,
  doraUpdate,
  newBlockCheck,
  updateSlack,
  type BlockCheck,
  type UpdateSlack,
} from './check-block.ts';
import type { MergedTensor } from './merge-plan.ts';
import type { MergeSources } from './merged-bytes.ts';
import type { MergeProducts, UpdateBlock } from './merge-products.ts';
import { roundings } from './rounding.ts';
import { blocksOf, createBlockReader, createByteReader, updateBlock } from './tensor-blocks.ts';

/** What re-reading found of one tensor that is not a plain copy. */
export interface TensorCheck extends BlockCheck {
  readonly name: string;
  /** Whether an update was added to it; else its type changed. */
  readonly updated: boolean;
}

export interface Verification {
  readonly tensors: readonly TensorCheck[];
  /** Tensors that are byte for byte those of the base. */
  readonly copied: number;
  /** Digests of the files as they were read back. */
  readonly files: Readonly<Record<string, FileDigest>>;
  /** Tensors with values that the stored type cannot hold. */
  readonly findings: readonly Finding[];
  /** What is not as it should be; empty for a correct merge. */
  readonly faults: readonly string[];
}

/**
 * Reads the written shards again and holds every tensor to what the plan says: names, types and shapes, copies byte for byte,
 * updated and converted tensors value by value. The updates are computed anew by a product that knows nothing of the
 * weights, and some of its rows once more in float64 straight from the definition.
 */
export async function verifyMerged(
  folder: string,
  shards: readonly Shard<MergedTensor>[],
  sources: MergeSources,
  products: Pick<MergeProducts, 'update'>,
  onTensor: (tensor: MergedTensor) => void,
): Promise<Verification> {
  const tensors: TensorCheck[] = [];
  const faults: string[] = [];
  const findings: Finding[] = [];
  const files: Record<string, FileDigest> = {};
  const readers = createReaders();
  let copied = 0;
  for (const shard of shards) {
    const path = join(folder, shard.fileName);
    const source = await openFileSource(path);
    try {
      const header = await readSafetensorsHeader(source);
      faults.push(...compareHeaders(shard, header.tensors));
      for (const tensor of shard.tensors) {
        const entry = header.tensors.get(tensor.name);
        if (!entry || entry.dtype !== tensor.dtype || entry.shape.join() !== tensor.shape.join()) continue;
        if (isCopy(tensor)) {
          if (await sameBytes({ source, entry }, await sources.file(tensor.source.file), tensor.source, readers))
            copied++;
          else faults.push(`${tensor.name}: it is not a copy of the base's tensor`);
        } else {
          const { check, fault, finding } = await checkTensor(tensor, { source, entry }, sources, products, readers);
          tensors.push(check);
          if (fault) faults.push(`${tensor.name}: ${fault}`);
          if (finding) findings.push(finding);
        }
        onTensor(tensor);
      }
      files[shard.fileName] = await hashFile(path);
    } finally {
      await source.close();
    }
  }
  return { tensors, copied, files, findings, faults };
}

function compareHeaders(shard: Shard<MergedTensor>, entries: ReadonlyMap<string, TensorEntry>): string[] {
  const faults: string[] = [];
  for (const { name, dtype, shape } of shard.tensors) {
    const entry = entries.get(name);
    if (!entry) faults.push(`${name}: it is missing in ${shard.fileName}`);
    else if (entry.dtype !== dtype || entry.shape.join() !== shape.join())
      faults.push(`${name}: it is ${entry.dtype} [${entry.shape.join()}] instead of ${dtype} [${shape.join()}]`);
  }
  const planned = new Set(shard.tensors.map((tensor) => tensor.name));
  for (const name of entries.keys())
    if (!planned.has(name)) faults.push(`${name}: it should not be in ${shard.fileName}`);
  return faults;
}

const isCopy = ({ update, copy, dtype, source }: MergedTensor): boolean => !update && !copy && dtype === source.dtype;

async function sameBytes(
  written: WrittenTensor,
  base: FileSource,
  tensor: TensorEntry,
  read: Readers,
): Promise<boolean> {
  const others = read.baseBytes(base, tensor);
  for await (const piece of read.writtenBytes(written.source, written.entry)) {
    const other = await others.next();
    if (other.done || Buffer.compare(piece, other.value) !== 0) return false;
  }
  return true;
}

interface WrittenTensor {
  readonly source: FileSource;
  readonly entry: TensorEntry;
}

/** Each with memory of its own, used again for every tensor. */
function createReaders() {
  return {
    base: createBlockReader(),
    written: createBlockReader(),
    baseBytes: createByteReader(),
    writtenBytes: createByteReader(),
  };
}

type Readers = ReturnType<typeof createReaders>;

async function checkTensor(
  tensor: MergedTensor,
  written: WrittenTensor,
  sources: MergeSources,
  products: Pick<MergeProducts, 'update'>,
  read: Readers,
): Promise<{ check: TensorCheck; fault: string | undefined; finding: Finding | undefined }> {
  const rounding = roundings[tensor.dtype];
  invariant(rounding, `${tensor.name} was computed, so its type ${tensor.dtype} has a known rounding`);
  const base = await sources.file(tensor.source.file);
  const own = tensor.copy && (await sources.adapter.readCopy(tensor.name));
  const module = tensor.update && (await sources.adapter.readModule(tensor.update.module));
  const check = newBlockCheck();
  let fault: string | undefined;
  let finding: Finding | undefined;
  for (const block of blocksOf(tensor.shape)) {
    const W = own ? own.subarray(block.start, block.start + block.length) : await read.base(base, tensor.source, block);
    const result = await read.written(written.source, written.entry, block);
    const part = module && updateBlock(module, block);
    const slack = part && updateSlack(part);
    const update = part && (await products.update(part));
    if (part && slack && update) fault ??= compareWithDefinition(part, update, slack);
    const wanted = part && slack && update ? wholeUpdate(W, update, part, slack) : { update, slack };
    checkBlock(
      check,
      { W, written: result, ...wanted, rowLength: part?.inFeatures ?? W.length },
      rounding,
      wanted.slack,
    );
    if (check.unstorable > 0) finding ??= unstorable(tensor, W);
  }
  if (check.faults > 0) fault = describeFaults(check);
  return { check: { name: tensor.name, updated: module !== undefined, ...check }, fault, finding };
}

/** What is added to W: scaling * B @ A, and with magnitudes what they make of the sum. */
function wholeUpdate(
  W: Float32Array,
  update: Float32Array,
  { inFeatures, magnitude }: UpdateBlock,
  slack: UpdateSlack,
): { readonly update: Float32Array | Float64Array; readonly slack: UpdateSlack } {
  return magnitude ? doraUpdate(W, update, { inFeatures, magnitude }, slack) : { update, slack };
}

function unstorable({ name, dtype }: MergedTensor, W: Float32Array): Finding {
  const message = W.every(Number.isFinite)
    ? `a value is too large for ${dtype}; write a type with a larger range, bf16 or f32`
    : 'the base holds a value that is no number';
  return { severity: 'error', code: 'not-finite', message, where: name };
}

function describeFaults({ faults, maxError, bound }: BlockCheck): string {
  const most = `one is ${maxError.toExponential(2)} away, where rounding allows ${bound.toExponential(2)}`;
  return `${faults} values are not W + scaling * B @ A; ${most}`;
}

/** A few rows of the update in float64, as its definition says. */
function compareWithDefinition(part: UpdateBlock, update: Float32Array, slack: UpdateSlack): string | undefined {
  const { rows, inFeatures, r, scaling, A, B } = part;
  for (const row of new Set([0, rows >> 1, rows - 1]))
    for (let j = 0; j < inFeatures; j++) {
      let dot = 0;
      for (let k = 0; k < r; k++) dot += (B[row * r + k] as number) * (A[k * inFeatures + j] as number);
      const error = Math.abs((update[row * inFeatures + j] as number) - scaling * dot);
      if (!(error <= slack.ofUpdate(row, j) + Number.MIN_VALUE))
        return `the product that checks it is ${error.toExponential(2)} away from scaling * B @ A`;
    }
  return undefined;
}
