import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileReport, QuantizeReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import type { QuantizeSpec } from '../../shared/contract/specs/quantize.ts';
import { DomainError, invariant, UnavailableError } from '../../shared/errors.ts';
import type { FloatDtype } from '../../shared/formats/dtype.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { isOccupied } from '../folders/files.ts';
import { ggufToBase } from '../folders/gguf-to-base.ts';
import { hashFile } from '../folders/hashes.ts';
import { bitsPerWeight, quantizeFolder, unpackFolder } from '../quantize/quantize-folder.ts';
import { runEvaluate } from './evaluate.ts';
import type { JobContext } from './job-context.ts';

/** Packs a model into few bits a weight, or unpacks one: see `QuantizeReport`. The folder appears complete or not at all. */
export async function runQuantize(spec: QuantizeSpec, context: JobContext): Promise<QuantizeReport> {
  const startedAt = context.now();
  if (await isOccupied(spec.output))
    throw new DomainError('folder-exists', `${spec.output}: there is something already; choose another folder.`);
  const made = await makeFolder(spec, context);
  for (const finding of made.warnings) context.emit({ type: 'finding', finding });
  const loss = spec.data === undefined ? null : await measureGap(spec, spec.data, context);
  const unpacked = spec.type in floatTypes;
  return {
    kind: 'quantize',
    type: spec.type,
    base: spec.base,
    output: spec.output,
    ...made,
    bitsPerWeight: unpacked ? null : await bitsPerWeight(spec.output),
    loss,
    files: await filesOf(spec.output),
    seconds: (context.now() - startedAt) / 1000,
  };
}

const floatTypes: Readonly<Partial<Record<QuantizeSpec['type'], FloatDtype>>> = {
  f32: 'F32',
  bf16: 'BF16',
  f16: 'F16',
};

async function makeFolder(
  { type, base, output, blockSize = 64 }: QuantizeSpec,
  context: JobContext,
): Promise<Pick<QuantizeReport, 'changed' | 'kept' | 'relativeError' | 'warnings'>> {
  if (type === 'nf4' || type === 'u4') {
    const made = await quantizeFolder(base, output, { type, blockSize }, (done, total) => {
      context.emit({ type: 'progress', stage: 'quantize', done, total, unit: 'tensors' });
      if (context.stopRequested()) throw new UnavailableError('The packing was stopped before it was complete.');
    });
    return { changed: made.packed, kept: made.kept, relativeError: made.relativeError, warnings: made.warnings };
  }
  if (type === 'gguf') {
    if (!base.endsWith('.gguf'))
      throw new DomainError('no-gguf', `${base} is no GGUF file: choose nf4 or u4 for a folder.`);
    await ggufToBase(base, output, { packed: true });
    const { tensors } = await openBaseModel(output);
    const changed = [...tensors.values()].filter(({ packed }) => packed).length;
    return { changed, kept: tensors.size - changed, relativeError: null, warnings: [] };
  }
  const dtype = floatTypes[type];
  invariant(dtype, `${type} is a float type`);
  const { unpacked, kept } = await unpackFolder(base, output, dtype);
  return { changed: unpacked, kept, relativeError: null, warnings: [] };
}

async function measureGap(spec: QuantizeSpec, data: string, context: JobContext): Promise<QuantizeReport['loss']> {
  const lossOf = async (base: string): Promise<{ loss: number; rows: number }> => {
    const { rowsMax, threads } = spec;
    const limits = { ...(rowsMax === undefined ? {} : { rowsMax }), ...(threads === undefined ? {} : { threads }) };
    const evaluate = parseSpec({ kind: 'evaluate', base, data, longRows: 'truncate', ...limits });
    invariant(evaluate.kind === 'evaluate', 'the spec is of the kind that was asked for');
    const { loss, rows } = await runEvaluate(evaluate, context);
    return { loss: loss.value, rows };
  };
  const [float, packed] = [await lossOf(spec.base), await lossOf(spec.output)];
  return { float: float.loss, packed: packed.loss, gap: packed.loss - float.loss, rows: packed.rows };
}

async function filesOf(folder: string): Promise<Record<string, FileReport>> {
  const files: Record<string, FileReport> = {};
  for (const name of (await readdir(folder)).toSorted()) files[name] = await hashFile(join(folder, name));
  return files;
}
