import { basename } from 'node:path';
import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { loraTargets } from '../../shared/domain/lora-targets.ts';
import { savedTensors } from '../../shared/domain/saved-tensors.ts';
import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { loraConfigSchema, type LoraConfig } from '../../shared/methods/lora.ts';
import { loraInitialisation } from '../methods/initialisations.ts';
import type { LoraTarget } from '../methods/lora-variant.ts';
import { loraVariant } from '../methods/lora-variants.ts';
import { loraMethod } from '../methods/lora.ts';
import type { Method, Parameter, TunableModel } from '../methods/method.ts';
import { startsModule, type TrainingStart } from './open-start.ts';

/** What LoRA will train on a base, and everything that is wrong or odd about it. */
export interface LoraPlan {
  readonly config: LoraConfig;
  readonly targets: readonly LoraTarget[];
  /** Tensors that are trained whole. */
  readonly saved: readonly Parameter[];
  readonly findings: readonly Finding[];
}

/** `start`: what the run goes on from, whose modules are trained and no others. */
export function planLora(spec: SettledTrainSpec, model: TunableModel, start?: TrainingStart): LoraPlan {
  const parsed = loraConfigSchema.parse(spec.method.kind === 'lora' ? spec.method.config : {});
  const config = { ...parsed, base_model_name_or_path: parsed.base_model_name_or_path ?? basename(spec.base) };
  const { input, output } = model.embeddings;
  const modules = [...model.linears, output, { ...input, kind: 'embedding' as const }];
  const { targets, findings } = loraTargets(config, modules);
  const saved = savedTensors(config.modules_to_save, withHead(model));
  const trained = start ? targets.filter(startsModule(start)) : targets;
  const plan = { config, targets: trained, saved: saved.map(({ name, shape }) => ({ name, shape })) };
  const inside = findings.map((finding) => ({ ...finding, where: `method.config.${finding.where}` }));
  return { ...plan, findings: [...inside, ...savedFindings(plan), ...variantFindings(spec, plan, model)] };
}

/** The tensors of a model, that of an output embedding among them where it shares the input's. */
function withHead({ tensors, embeddings }: TunableModel): readonly Parameter[] {
  const name = `${embeddings.output.module}.weight`;
  const { outFeatures, inFeatures } = embeddings.output;
  return tensors.some((tensor) => tensor.name === name)
    ? tensors
    : [...tensors, { name, shape: [outFeatures, inFeatures] }];
}

function savedFindings({ config, saved }: Pick<LoraPlan, 'config' | 'saved'>): Finding[] {
  return (config.modules_to_save ?? []).flatMap((entry): Finding[] => {
    if (savedTensors([entry], saved).length > 0) return [];
    const message = `"${entry}" is the end of no module's name in this base`;
    return [{ severity: 'error', code: 'train', where: 'method.config.modules_to_save', message }];
  });
}

/** The method of a plan on the model it was made for. */
export function plannedMethod(model: TunableModel, { config, targets, saved }: Omit<LoraPlan, 'findings'>): Method {
  const { takesFromBase } = loraInitialisation(config.init_lora_weights);
  return loraMethod(model, targets, {
    dropout: config.lora_dropout,
    variant: loraVariant(config),
    takesFromBase,
    saved,
  });
}

/** What stands against a variant, or an initialisation that takes its factors from the base. */
function variantFindings(
  { outputDtype }: SettledTrainSpec,
  { config, targets }: Pick<LoraPlan, 'config' | 'targets'>,
  { linears, embeddings }: TunableModel,
): Finding[] {
  const { init_lora_weights: init, use_dora: usesDora } = config;
  const { takesFromBase } = loraInitialisation(init);
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'train', where, message });
  for (const { module } of targets)
    if ((usesDora || takesFromBase) && [embeddings.input.module, embeddings.output.module].includes(module))
      refuse(
        'method.config.target_modules',
        `selects ${module}, on which only plain LoRA with a random beginning is computed here`,
      );
  if (!takesFromBase) return findings;
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
export function optimizerFindings({ optimizer, method }: SettledTrainSpec): Finding[] {
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
