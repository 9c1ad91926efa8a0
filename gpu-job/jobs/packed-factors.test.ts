import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { quantizeFolder, unpackFolder } from '../quantize/quantize-folder.ts';
import { runEvaluate } from './evaluate.ts';
import { runMerge } from './merge.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-packed-factors-'));
  // widths of whole blocks
  const config = {
    hidden_size: 64,
    intermediate_size: 128,
    num_attention_heads: 4,
    head_dim: 16,
  };
  await writeTinyBase(at('float'), { config });
  await quantizeFolder(at('float'), at('nf4'), { type: 'nf4', blockSize: 64 });
  await quantizeFolder(at('float'), at('u4'), { type: 'u4', blockSize: 32 });
  const row = (prompt: string): string => JSON.stringify({ prompt, completion: ' meow' });
  await writeFile(at('rows.jsonl'), Array.from({ length: 40 }, (_, i) => row(`${i} cat:`)).join('\n'));
  await writeFile(at('held.jsonl'), Array.from({ length: 10 }, (_, i) => row(`${i} dog:`)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const lossOf = async (base: string, adapter?: string): Promise<number> => {
  const spec = {
    kind: 'evaluate',
    base: at(base),
    data: at('held.jsonl'),
    threads: 1,
  };
  const parsed = evaluateSpecSchema.parse({
    ...spec,
    ...(adapter === undefined ? {} : { adapter: at(adapter) }),
  });
  return (await runEvaluate(parsed, rememberingContext())).loss.value;
};

const trained = (base: string, output: string, init: string): Promise<TrainReport> =>
  runTrain(
    trainSpecSchema.parse({
      kind: 'train',
      base: at(base),
      output: at(output),
      data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
      method: {
        kind: 'lora',
        config: { r: 4, lora_alpha: 8, init_lora_weights: init },
      },
      steps: 20,
      batch: { rows: 8, packTokens: 256, microBatchTokens: 2048 },
      optimizer: { learningRate: 0.02 },
      threads: 1,
    }),
    rememberingContext(),
  );

// PEFT refuses PiSSA on packed weights, and OLoRA packs what is left of them anew; here they stay as they are and what is taken is computed
test.each([
  ['nf4', 'pissa'],
  ['nf4', 'olora'],
  ['u4', 'pissa_niter_4'],
])(
  'on a base in %s, %s begins at it to the bit; what is written has its loss there, unpacked and merged',
  async (base, init) => {
    const output = `${base}-${init}`;
    const report = await trained(base, output, init);
    expect(report.evalLossBefore).toBe(await lossOf(base));
    expect(report.evalLoss).toBeLessThan((report.evalLossBefore ?? 0) - 0.5);
    const loss = await lossOf(base, output);
    expect(loss).toBeCloseTo(report.evalLoss ?? 0, 4);
    const [unpacked, merged] = [`${output}-unpacked`, `${output}-merged`];
    await unpackFolder(at(base), at(unpacked), 'F32');
    expect(await lossOf(unpacked, output)).toBeCloseTo(loss, 4);
    const spec = { kind: 'merge', base: at(unpacked), adapter: at(output), output: at(merged), dtype: 'f32' };
    await runMerge(mergeSpecSchema.parse(spec), rememberingContext());
    expect(await lossOf(merged)).toBeCloseTo(loss, 4);
    // of the base before it was packed the adapter says something else
    expect(Math.abs((await lossOf('float', output)) - loss)).toBeGreaterThan(1e-3);
  },
);
