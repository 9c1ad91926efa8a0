import { z } from 'zod';
import { loraConfigSchema } from '../../methods/lora.ts';

const { r, lora_alpha, lora_dropout, target_modules, use_rslora, use_dora, modules_to_save } = loraConfigSchema.shape;

/** What may be said of LoRA that goes on from an adapter: the adapter knows it already, so nothing has a default. */
export const toldConfigField = z
  .strictObject({
    r: r.unwrap().optional(),
    lora_alpha: lora_alpha.unwrap().optional(),
    lora_dropout: lora_dropout.unwrap().optional().describe('May be another than before: it is no part of the result.'),
    target_modules: target_modules.optional(),
    use_rslora: use_rslora.unwrap().optional(),
    use_dora: use_dora.unwrap().optional(),
    modules_to_save: modules_to_save.unwrap().optional(),
  })
  .prefault({})
  .describe('Taken from what the run goes on from; what is said here must agree with it, but for `lora_dropout`.');
export type ToldConfig = z.output<typeof toldConfigField>;

export const keepMomentsField = z
  .boolean()
  .default(false)
  .describe(
    'Whether the optimizer goes on with the moments of a checkpoint. Off: they begin anew, as they must from an adapter, which has none.',
  );
