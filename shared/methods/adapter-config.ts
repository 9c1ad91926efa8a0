import { z } from 'zod';
import type { Finding } from '../errors.ts';
import { readLoraConfig } from './lora-config-file.ts';
import { isSet } from './lora-unsupported.ts';
import { loraConfigSchema, type LoraConfig } from './lora.ts';
import { patternUnsupported } from './module-pattern-tree.ts';
import { checkValue } from '../check-value.ts';

/** What any `adapter_config.json` says of itself, whether or not its method is known here. */
export interface AdapterConfig {
  /** As written; empty where there is none. */
  readonly peftType: string;
  readonly baseModel: string | null;
  readonly revision: string | null;
  /** The whole config; only of the LoRA method, and only where its values are sound. `target_modules` may be empty. */
  readonly lora?: LoraConfig;
  readonly findings: readonly Finding[];
}

/**
 * Reads a config that is to be stored: everything that PEFT accepts is sound here, though it may be nothing that can be trained
 * or composed here. Errors: what PEFT would refuse or read otherwise than it was meant. Warnings: what cannot be judged.
 */
export function readAdapterConfig(value: unknown, fileName = 'adapter_config.json'): AdapterConfig {
  const head = checkValue(headSchema, value);
  if (!head.success) {
    const findings = head.error.issues.map(({ message, path }): Finding => {
      return { severity: 'error', code: 'config', message, where: path.map(String).join('.') || fileName };
    });
    return { peftType: '', baseModel: null, revision: null, findings };
  }
  const { peft_type: peftType, base_model_name_or_path: baseModel, revision } = head.data;
  const common = { peftType, baseModel, revision };
  if (peftType !== 'LORA') return { ...common, findings: foreignTypeFindings(peftType) };
  const { config, findings } = readLoraConfig(value, fileName, storedSchema);
  const more = config ? targetFindings(config) : [];
  return { ...common, ...(config ? { lora: config } : {}), findings: [...findings.map(patternAsWarning), ...more] };
}

const text = z
  .string()
  .nullish()
  .transform((given) => given ?? null);
const headSchema = z.object({
  peft_type: z.string({ error: 'is missing: no loader would know what the adapter is' }).min(1),
  base_model_name_or_path: text,
  revision: text,
});

const storedSchema = loraConfigSchema.extend({
  target_modules: z
    .union([z.array(z.string().min(1)), z.string()])
    .nullish()
    .transform((given) => given ?? []),
});

/** PEFT takes a LoRA without modules where it acts on bare parameters or single tokens instead. */
function targetFindings({ target_modules: modules, extra = {} }: LoraConfig): Finding[] {
  const elsewhere = isSet(extra['target_parameters']) || isSet(extra['trainable_token_indices']);
  if (modules.length > 0 || elsewhere) return [];
  const message = 'must name at least one module: the adapter would act nowhere';
  return [{ severity: 'error', code: 'lora-config', message, where: 'target_modules' }];
}

/** Methods that PEFT 0.21 knows beside LORA (`peft/utils/peft_types.py`). */
const foreignTypes: ReadonlySet<string> = new Set(
  `PROMPT_TUNING MULTITASK_PROMPT_TUNING P_TUNING PREFIX_TUNING ADALORA BOFT ADAPTION_PROMPT IA3 LOHA LOKR OFT POLY LN_TUNING VERA
   FOURIERFT XLORA HRA VBLORA CPT BONE RANDLORA TRAINABLE_TOKENS SHIRA C3A ROAD WAVEFT DELORA OSF MISS CARTRIDGE GRALORA`.split(
    /\s+/,
  ),
);

function foreignTypeFindings(type: string): Finding[] {
  if (type.toUpperCase() === 'LORA' || (!foreignTypes.has(type) && foreignTypes.has(type.toUpperCase())))
    return [
      {
        severity: 'error',
        code: 'config',
        message: `"${type}" is written in upper case: "${type.toUpperCase()}"`,
        where: 'peft_type',
      },
    ];
  const message = foreignTypes.has(type)
    ? `${type} adapters are stored, but not checked against the base, and cannot be trained, composed or merged here`
    : `"${type}" is no method that is known here: the adapter is stored, but only its files are checked`;
  const code = foreignTypes.has(type) ? 'method-not-checked' : 'method-unknown';
  return [{ severity: 'warning', code, message, where: 'peft_type' }];
}

/** A pattern that may be right in Python is no reason to refuse an adapter. */
function patternAsWarning(finding: Finding): Finding {
  if (finding.code !== patternUnsupported) return finding;
  const message = `${finding.message} The adapter is stored, but what the pattern selects is not checked.`;
  return { ...finding, severity: 'warning', message };
}
