/**
 * Merging at the shape of SmolLM2-135M in bf16 (random weights, LoRA r=16 on all linear layers) against a plain copy of the same
 * bytes, alternating in one run. A merge is whole: reading, product, rounding, writing, reading back, checking, digests.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mergeSpecSchema } from '../shared/contract/specs/merge.ts';
import { limits } from '../shared/limits.ts';
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { runMerge } from '../gpu-job/jobs/merge.ts';
import { median } from './median.ts';

const runs = 5;

const folder = join('.cache', 'bench');
export const mergeBenchFolders = {
  base: join(folder, 'smollm2-135m-bf16'),
  adapter: join(folder, 'smollm2-135m-lora-16'),
} as const;

export async function benchMerge(): Promise<Record<string, unknown>> {
  const { base, adapter } = mergeBenchFolders;
  execFileSync(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('merge-inputs.ts', import.meta.url))]);
  const { tensors } = await openBaseModel(base);
  const baseBytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.lengthBytes, 0);
  const largestTensorBytes = Math.max(...[...tensors.values()].map((tensor) => tensor.lengthBytes));

  const output = join(folder, 'merged');
  const spec = mergeSpecSchema.parse({ kind: 'merge', base, adapter, output });
  const context = { emit: () => undefined, stopRequested: () => false, now: () => performance.now() };
  const seconds = { merge: [] as number[], copy: [] as number[] };
  const rssBeforeMb = process.memoryUsage.rss() / 2 ** 20;
  let check: unknown;
  // the first round warms the page cache and the compiler up
  for (let i = 0; i <= runs; i++) {
    await rm(output, { recursive: true, force: true });
    const copied = await timed(() => copyBytes(join(base, 'model.safetensors'), join(folder, 'copy')));
    const merged = await timed(async () => {
      const report = await runMerge(spec, context);
      check = {
        updated: report.check.updated,
        copied: report.check.copied,
      };
    });
    if (i === 0) continue;
    seconds.copy.push(copied);
    seconds.merge.push(merged);
  }
  const peakRssMb = process.resourceUsage().maxRSS / 1024;
  await rm(output, { recursive: true });
  await rm(join(folder, 'copy'));

  const mergeSeconds = median(seconds.merge);
  const copySeconds = median(seconds.copy);
  return {
    bench: 'merge',
    shape: 'SmolLM2-135M in bf16, LoRA r=16 on all linear layers, kept in bf16',
    runs,
    baseBytes,
    mergeSeconds,
    copySeconds,
    mergeGbPerSecond: baseBytes / mergeSeconds / 1e9,
    copyGbPerSecond: baseBytes / copySeconds / 1e9,
    mergeOverCopy: mergeSeconds / copySeconds,
    largestTensorMb: largestTensorBytes / 2 ** 20,
    peakRssMb,
    rssBeforeMb,
    peakRssOverLargestTensor: peakRssMb / (largestTensorBytes / 2 ** 20),
    check,
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Reads and writes as a merge does: in pieces, flushed to the disk at the end. */
async function copyBytes(from: string, to: string): Promise<void> {
  await mkdir(join(to, '..'), { recursive: true });
  const [source, target] = [await open(from), await open(to, 'w')];
  const piece = new Uint8Array(limits.copyChunkBytes);
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(piece, 0, piece.length, at);
    if (bytesRead === 0) break;
    await target.write(piece, 0, bytesRead);
    at += bytesRead;
  }
  await target.sync();
  await source.close();
  await target.close();
}
