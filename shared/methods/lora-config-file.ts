import type { z, ZodType } from 'zod';
import { DomainError, invariant, refuseErrors, type Finding } from '../errors.ts';
import { compileModulePattern } from './module-pattern.ts';
import { loraConfigSchema, type LoraConfig } from './lora.ts';
import { checkValue } from '../check-value.ts';

/**
 * Parses the content of an `adapter_config.json`; throws `DomainError('lora-config')` with all findings.
 * Keys that `loraConfigSchema` does not have are kept in `extra`. Whether the config asks for something that
 * cannot be used here is another question: see `loraUnsupported`.
 */
export function parseLoraConfig(value: unknown, fileName = 'adapter_config.json'): LoraConfig {
  const { config, findings } = readLoraConfig(value, fileName);
  const { peft_type: type } = asRecord(value);
  if (findings.length > 0 && typeof type === 'string' && type !== 'LORA')
    throw new DomainError('lora-config', `${fileName} describes a ${type} adapter; only LORA can be used here yet.`, {
      findings: [{ severity: 'error', code: 'peft-type', message: 'only LORA can be used here yet' }],
    });
  refuseErrors('lora-config', `${fileName} is not a usable LoRA config:`, findings);
  invariant(config, 'a config without findings is there');
  return config;
}

/** The config, where its single values are sound, and everything that is wrong with it. */
export function readLoraConfig(
  value: unknown,
  fileName: string,
  schema: ZodType<z.output<typeof loraConfigSchema>> = loraConfigSchema,
): { readonly config?: LoraConfig; readonly findings: Finding[] } {
  const parsed = checkValue(schema, value);
  if (!parsed.success)
    return {
      findings: parsed.error.issues.map(({ message, path }) => ({
        severity: 'error',
        code: 'lora-config',
        message,
        where: path.map(String).join('.') || fileName,
      })),
    };
  const known = new Set(Object.keys(loraConfigSchema.shape));
  const extra = Object.fromEntries(Object.entries(asRecord(value)).filter(([key]) => !known.has(key)));
  return { config: { ...parsed.data, extra }, findings: loraConfigFindings(parsed.data) };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** What contradicts itself in a config whose single values are fine, and patterns that cannot be read. */
export function loraConfigFindings(config: LoraConfig): Finding[] {
  const findings: Finding[] = [];
  const error = (where: string, message: string, code = 'lora-config'): void =>
    void findings.push({ severity: 'error', code, message, where });
  const pattern = (where: string, text: string): void => {
    try {
      compileModulePattern(text);
    } catch (cause) {
      if (!(cause instanceof DomainError)) throw cause;
      error(where, cause.message, cause.findings[0]?.code);
    }
  };
  const { target_modules: targets, exclude_modules: excluded, layers_pattern: layersPattern } = config;
  if (typeof targets === 'string' && !isAllLinear(targets)) pattern('target_modules', targets);
  if (typeof excluded === 'string') pattern('exclude_modules', excluded);
  for (const key of Object.keys(config.rank_pattern)) pattern(`rank_pattern.${key}`, key);
  for (const key of Object.keys(config.alpha_pattern)) pattern(`alpha_pattern.${key}`, key);
  for (const part of layersPattern === null ? [] : [layersPattern].flat()) pattern('layers_pattern', part);
  // PEFT refuses these three too.
  if (typeof targets === 'string' && config.layers_to_transform !== null)
    error('layers_to_transform', 'cannot be combined with a pattern in target_modules; list the module names instead');
  if (typeof targets === 'string' && layersPattern !== null)
    error('layers_pattern', 'cannot be combined with a pattern in target_modules; list the module names instead');
  if (layersPattern !== null && layersPattern.length > 0 && config.layers_to_transform === null)
    error('layers_pattern', 'has no effect without layers_to_transform');
  return findings;
}

/** Whether `target_modules` is the shorthand for every linear module but the output embedding. */
export function isAllLinear(targetModules: string): boolean {
  return targetModules.toLowerCase() === 'all-linear';
}

/**
 * The text of the `adapter_config.json` of an adapter that is written: PEFT's spelling, keys sorted, `inference_mode` true.
 * A key that came after PEFT 0.3.0 (June 2023) is written only when it differs from its default, because PEFT 0.6 to 0.13
 * stop at keys they do not know; so an adapter loads in every version that can express it. `extra` is not written.
 */
export function encodeLoraConfig(config: LoraConfig): string {
  const always = {
    peft_type: config.peft_type,
    task_type: config.task_type,
    base_model_name_or_path: config.base_model_name_or_path,
    revision: config.revision,
    inference_mode: true,
    r: config.r,
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout,
    target_modules: config.target_modules,
    fan_in_fan_out: config.fan_in_fan_out,
    bias: config.bias,
    modules_to_save: config.modules_to_save,
    init_lora_weights: config.init_lora_weights,
  };
  // The version that brought each key stands beside it.
  const newer: Partial<LoraConfig> = {
    ...(config.layers_to_transform !== null ? { layers_to_transform: config.layers_to_transform } : {}), // 0.4
    ...(config.layers_pattern !== null ? { layers_pattern: config.layers_pattern } : {}), // 0.4
    ...(Object.keys(config.rank_pattern).length > 0 ? { rank_pattern: config.rank_pattern } : {}), // 0.6
    ...(Object.keys(config.alpha_pattern).length > 0 ? { alpha_pattern: config.alpha_pattern } : {}), // 0.6
    ...(config.use_rslora ? { use_rslora: true } : {}), // 0.8
    ...(config.use_dora ? { use_dora: true } : {}), // 0.9
    ...(config.exclude_modules !== null ? { exclude_modules: config.exclude_modules } : {}), // 0.14
  };
  const entries = Object.entries({ ...always, ...newer }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}
