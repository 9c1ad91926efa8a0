import { basename } from 'node:path';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { loraTargets } from '../../shared/domain/lora-targets.ts';
import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { loraConfigSchema, type LoraConfig } from '../../shared/methods/lora.ts';
import { loraInitialisation } from '../methods/initialisations.ts';
import type { LoraTarget } from '../methods/lora-variant.ts';
import { loraVariant } from '../methods/lora-variants.ts';
import { loraMethod } from '../methods/lora.ts';
import type { Method, TunableModel } from '../methods/method.ts';

/** What LoRA will train on a base, and everything that is wrong or odd about it. */
export interface LoraPlan {
  readonly config: LoraConfig;
  readonly targets: readonly LoraTarget[];
  readonly findings: readonly Finding[];
}

export function planLora(spec: TrainSpec, linears: TunableModel['linears']): LoraPlan {
  const parsed = loraConfigSchema.parse(spec.method.kind === 'lora' ? spec.method.config : {});
  const config = { ...parsed, base_model_name_or_path: parsed.base_model_name_or_path ?? basename(spec.base) };
  const { targets, findings } = loraTargets(config, linears);
  const inside = findings.map((finding) => ({ ...finding, where: `method.config.${finding.where}` }));
  return { config, targets, findings: [...inside, ...initialisationFindings(spec, { config, targets }, linears)] };
}

/** The method of a plan on the model it was made for. */
export function plannedMethod(model: TunableModel, { config, targets }: Pick<LoraPlan, 'config' | 'targets'>): Method {
  const { takesFromBase } = loraInitialisation(config.init_lora_weights);
  return loraMethod(model, targets, { dropout: config.lora_dropout, variant: loraVariant(config), takesFromBase });
}

/** What stands against initialisations that take their factors from the base. */
function initialisationFindings(
  { outputDtype }: TrainSpec,
  { config, targets }: Pick<LoraPlan, 'config' | 'targets'>,
  linears: TunableModel['linears'],
): Finding[] {
  const { init_lora_weights: init, use_dora: usesDora } = config;
  if (!loraInitialisation(init).takesFromBase) return [];
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'train', where, message });
  if (usesDora)
    refuse(
      'method.config.use_dora',
      `cannot be combined with the initialisation ${init}: PEFT does not save the two converted`,
    );
  if (outputDtype !== undefined && outputDtype !== 'f32')
    refuse(
      'outputDtype',
      `is ${outputDtype}; with the initialisation ${init} an update is the small difference of two large products, which only f32 holds`,
    );
  const sizes = new Map(linears.map((linear) => [linear.module, Math.min(linear.inFeatures, linear.outFeatures)]));
  for (const { module, r, scaling } of targets) {
    const side = sizes.get(module) ?? r;
    if (r > side)
      refuse(
        'method.config.r',
        `is ${r} for ${module}, whose smaller side is ${side}: there are no more directions to begin with`,
      );
    else if (2 * r > limits.loraRankMax)
      refuse(
        'method.config.r',
        `is ${r} for ${module}; what is written has twice that rank, and the largest is ${limits.loraRankMax}`,
      );
    else if (scaling < 0)
      refuse('method.config.lora_alpha', `is negative for ${module}; factors of the base are scaled by its root`);
  }
  return findings;
}

/** Settings of the optimizer that the method of a run has no use for. */
export function optimizerFindings({ optimizer, method }: TrainSpec): Finding[] {
  const { loraPlusRatio: ratio, loraPlusEmbeddingRate: rate } = optimizer;
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'train', where, message });
  if (method.kind !== 'lora' && ratio !== undefined)
    refuse('optimizer.loraPlusRatio', 'is for LoRA: full fine-tuning has no factors A and B');
  if (ratio === undefined && rate !== undefined)
    refuse('optimizer.loraPlusEmbeddingRate', 'has no effect without loraPlusRatio');
  return findings;
}
