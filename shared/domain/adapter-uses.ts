import type { Finding } from '../errors.ts';
import { loraConfigFindings } from '../methods/lora-config-file.ts';
import { loraUnsupported } from '../methods/lora-unsupported.ts';
import type { LoraConfig } from '../methods/lora.ts';
import { pairLoraTensors, type TensorShape } from './adapter-tensors.ts';
import { beyondFactorFindings } from './beyond-factors.ts';
import { tried } from './stored-lora.ts';

/** Whether something can be done with an adapter here, and what stands against it. */
export interface AdapterUse {
  readonly possible: boolean;
  readonly why: readonly string[];
}

export interface AdapterUses {
  /** Another adapter can be trained with its config. */
  readonly train: AdapterUse;
  readonly compose: AdapterUse;
  readonly merge: AdapterUse;
}

/** What can be done here with an adapter that is stored. `errors`: what is wrong with it at all. */
export function adapterUses<T extends TensorShape>(
  config: LoraConfig | undefined,
  tensors: Iterable<T>,
  errors: readonly Finding[],
): AdapterUses {
  if (errors.length > 0) return same(['it has errors']);
  if (!config) return same(['only adapters of the type LORA can be used here']);
  const settings = [
    ...(config.target_modules.length === 0 ? ['target_modules is empty'] : []),
    ...loraConfigFindings(config).map(({ message }) => message),
    ...loraUnsupported(config).map(({ message }) => message),
  ];
  const paired = tried(() => pairLoraTensors(config, tensors));
  const use = (why: readonly string[]): AdapterUse => ({
    possible: why.length === 0,
    why: [...new Set(why)].slice(0, reasonsMax),
  });
  // what the settings bring about says less than the settings
  const reasons =
    settings.length > 0
      ? settings
      : (paired?.findings ?? []).flatMap(({ severity, message }) => (severity === 'error' ? [message] : []));
  const composing = [
    ...reasons,
    ...beyondFactorFindings(config, paired?.pairs.values() ?? []).map(({ message }) => message),
  ];
  return { train: use(settings), compose: use(composing), merge: use(reasons) };
}

const reasonsMax = 5;

function same(why: readonly string[]): AdapterUses {
  const use = { possible: false, why };
  return { train: use, compose: use, merge: use };
}
