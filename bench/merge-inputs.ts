/**
 * Writes what `merge.ts` works on, unless it is there: a base of SmolLM2-135M's shape in bf16 and an adapter for it, both random.
 * A process of its own, so that the memory this takes is not counted as the merge's.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeModel } from '../gpu-job/methods/tuned-model.ts';
import { writeRandomAdapter } from '../test/support/random-adapter.ts';
import { smolLm135Config, writeRandomBase } from '../test/support/random-base.ts';
import { mergeBenchFolders } from './merge.ts';

const { base, adapter } = mergeBenchFolders;
if (!existsSync(join(base, 'config.json')))
  await writeRandomBase(base, { ...smolLm135Config, torch_dtype: 'bfloat16' }, { dtype: 'BF16' });
if (!existsSync(adapter)) {
  const { linears } = describeModel(smolLm135Config);
  const sizes = Object.fromEntries(
    linears.map(({ module, inFeatures, outFeatures }) => [module, [inFeatures, outFeatures] as const]),
  );
  const config = { r: 16, lora_alpha: 32, base_model_name_or_path: 'smollm2-135m-bf16' };
  await writeRandomAdapter(adapter, sizes, config, { spread: 0.05 });
}
