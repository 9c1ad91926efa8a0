import { copyFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { MergeSpec } from '../../shared/contract/specs/merge.ts';
import { invariant, refuseErrors, UnavailableError } from '../../shared/errors.ts';
import { encodeModelIndex, modelIndexFileName, planShards, type Shard } from '../../shared/formats/model-index.ts';
import { tensorLengthBytes, writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { adapterConfigFileName, adapterWeightsFileName } from '../folders/adapter.ts';
import { writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { hashFile, type FileDigest } from '../folders/hashes.ts';
import { copyCompanionFiles } from '../merge/companion-files.ts';
import { mergeCard } from '../merge/merge-card.ts';
import type { MergedTensor } from '../merge/merge-plan.ts';
import { createMergeProducts, type MergeProducts } from '../merge/merge-products.ts';
import { mergeCheck, roundingFindings, type MergeReport } from '../merge/merge-report.ts';
import { createMergedBytes } from '../merge/merged-bytes.ts';
import { mergedConfig } from '../merge/merged-config.ts';
import { verifyMerged } from '../merge/verify-merged.ts';
import type { JobContext } from './job-context.ts';
import { openMergeInputs, type MergeInputs } from './merge-inputs.ts';

/**
 * Merges an adapter into its base: a model folder that needs no adapter any more, with a card and `merge.json`. Weights pass
 * through shard by shard and block by block; all written tensors are read back and checked before the folder appears.
 * Throws `DomainError` with all findings when the two do not fit or values do not fit the type, `UnavailableError` when it was
 * asked to stop, and a plain `Error` when the check fails: nothing is left behind then.
 */
export async function runMerge(
  spec: MergeSpec,
  context: JobContext,
  tools: { readonly products?: MergeProducts } = {},
): Promise<MergeReport> {
  const inputs = await openMergeInputs(spec);
  const products = tools.products ?? createMergeProducts(spec.threads);
  try {
    for (const finding of inputs.warnings) context.emit({ type: 'finding', finding });
    const shards = planShards(inputs.plan.tensors, spec.maxShardBytes);
    let report: MergeReport | undefined;
    await writeFolderAtomic(spec.output, async (folder) => {
      await writeShards(folder, shards, inputs, products, context);
      report = await checkShards(folder, shards, spec, inputs, products, context);
      await writeRest(folder, shards, spec, inputs, report);
    });
    return report as MergeReport; // the folder is written
  } finally {
    await products.close();
    await inputs.close();
  }
}

async function writeShards(
  folder: string,
  shards: readonly Shard<MergedTensor>[],
  inputs: MergeInputs,
  products: MergeProducts,
  context: JobContext,
): Promise<void> {
  const advance = progress('merge', shards, context);
  const mergedBytes = createMergedBytes(inputs, products.merged);
  for (const { fileName, tensors } of shards)
    await writeFileAtomic(join(folder, fileName), (sink) =>
      writeSafetensors(
        sink,
        tensors.map((tensor) => ({
          ...tensor,
          async *bytes() {
            yield* mergedBytes(tensor);
            advance(tensor);
          },
        })),
      ),
    );
}

async function checkShards(
  folder: string,
  shards: readonly Shard<MergedTensor>[],
  spec: MergeSpec,
  inputs: MergeInputs,
  products: MergeProducts,
  context: JobContext,
): Promise<MergeReport> {
  const advance = progress('check', shards, context);
  const verification = await verifyMerged(folder, shards, inputs, products, advance);
  const { faults, files, findings } = verification;
  refuseErrors('merge', 'The merged values cannot be stored:', findings);
  invariant(faults.length === 0, `what was written is not the merge:\n  ${faults.slice(0, 20).join('\n  ')}`);
  const check = mergeCheck(verification);
  const rounding = roundingFindings(check, spec.dtype);
  for (const finding of rounding) context.emit({ type: 'finding', finding });
  const { base, adapter, plan } = inputs;
  const { base_model_name_or_path, r, lora_alpha, use_rslora, use_dora } = adapter.config;
  return {
    kind: 'merge',
    base: { name: basename(resolve(base.path)), files: await digests(base.path, ['config.json', ...base.files]) },
    adapter: {
      name: basename(resolve(adapter.path)),
      base_model_name_or_path,
      r,
      lora_alpha,
      use_rslora,
      ...(use_dora ? { use_dora } : {}),
      files: await digests(adapter.path, [adapterConfigFileName, adapterWeightsFileName]),
    },
    dtype: spec.dtype,
    summary: plan.summary,
    unties: plan.unties,
    check,
    files,
    warnings: [...inputs.warnings, ...rounding],
  };
}

async function digests(folder: string, names: readonly string[]): Promise<Record<string, FileDigest>> {
  const files: Record<string, FileDigest> = {};
  for (const name of names) files[name] = await hashFile(join(folder, name));
  return files;
}

/** Everything but the weights; the index and the config, by which a model folder is recognised, come last. */
async function writeRest(
  folder: string,
  shards: readonly Shard<MergedTensor>[],
  { dtype, base }: MergeSpec,
  { base: { config }, plan }: MergeInputs,
  report: MergeReport,
): Promise<void> {
  await copyCompanionFiles(base, folder);
  await writeFileAtomic(join(folder, 'merge.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFileAtomic(join(folder, 'README.md'), mergeCard(report));
  if (shards.length > 1) await writeFileAtomic(join(folder, modelIndexFileName), encodeModelIndex(shards));
  if (dtype === 'keep' && !plan.unties) await copyFile(join(base, 'config.json'), join(folder, 'config.json'));
  else {
    const text = JSON.stringify(mergedConfig(config, dtype, plan), undefined, 2);
    await writeFileAtomic(join(folder, 'config.json'), `${text}\n`);
  }
}

/** Reports each tensor when it is done, and stops the job where that is asked for. */
function progress(
  stage: string,
  shards: readonly Shard<MergedTensor>[],
  context: JobContext,
): (tensor: MergedTensor) => void {
  const total = shards.reduce((sum, shard) => sum + shard.lengthBytes, 0);
  let done = 0;
  return (tensor) => {
    if (context.stopRequested()) throw new UnavailableError('The merge was stopped before it was complete.');
    done += tensorLengthBytes(tensor);
    context.emit({ type: 'progress', stage, done, total, unit: 'bytes' });
  };
}
