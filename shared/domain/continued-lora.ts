import type { ToldConfig } from '../contract/specs/continue-fields.ts';
import { trainLoraConfigSchema, type SettledTrainSpec } from '../contract/specs/train.ts';
import type { Finding } from '../errors.ts';
import type { LoraConfig } from '../methods/lora.ts';
import { unscalable } from '../methods/unscalable.ts';
import { loraTargets } from './lora-targets.ts';
import type { AdaptableModule } from './base-modules.ts';

type TrainLoraConfig = Extract<SettledTrainSpec['method'], { readonly kind: 'lora' }>['config'];

/**
 * The settings of LoRA that goes on from an adapter: the adapter's. What is told beside must agree with them, but for the dropout, which is no part
 * of a result. `modules`: those of the base; which of them are meant counts, not how that is written.
 */
export function continuedLora(
  own: LoraConfig,
  told: ToldConfig,
  modules: readonly AdaptableModule[],
  evaluation: { readonly general?: object | undefined },
): { readonly config: TrainLoraConfig; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const differs = (name: keyof ToldConfig, given: unknown, before: unknown): void => {
    const message = `is ${JSON.stringify(given)}, but what the run goes on from has ${JSON.stringify(before)}: leave it out, or begin a new adapter`;
    findings.push({ severity: 'error', code: 'continue-differs', where: `method.config.${name}`, message });
  };
  for (const name of ['r', 'lora_alpha', 'use_rslora', 'use_dora'] as const)
    if (told[name] !== undefined && told[name] !== own[name]) differs(name, told[name], own[name]);
  const { target_modules: targets, modules_to_save: saved } = told;
  const chosen = (wanted: LoraConfig['target_modules']): string =>
    named(loraTargets({ ...own, target_modules: wanted }, modules).targets.map(({ module }) => module));
  if (targets !== undefined && chosen(targets) !== chosen(own.target_modules))
    differs('target_modules', targets, own.target_modules);
  if (saved !== undefined && named(saved ?? []) !== named(own.modules_to_save ?? []))
    differs('modules_to_save', saved, own.modules_to_save);
  const reason = evaluation.general && unscalable(own);
  if (reason !== undefined)
    findings.push({ severity: 'error', code: 'continue-differs', where: 'evaluation.general', message: reason });
  return { config: { ...settled(own), lora_dropout: told.lora_dropout ?? own.lora_dropout }, findings };
}

/** What a spec says of LoRA. */
function settled(own: LoraConfig): TrainLoraConfig {
  const names = Object.keys(trainLoraConfigSchema.unwrap().shape);
  const known = Object.fromEntries(Object.entries(own).filter(([name]) => names.includes(name)));
  // factors that begin as random numbers are none of these any more
  const init = String(own.init_lora_weights);
  const begun = /^(pissa|olora)/.test(init) ? own.init_lora_weights : true;
  return trainLoraConfigSchema.parse({ ...known, task_type: 'CAUSAL_LM', init_lora_weights: begun });
}

const named = (names: readonly string[]): string => names.toSorted().join();
