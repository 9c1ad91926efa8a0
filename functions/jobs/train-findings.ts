import { adaptableModules, type BaseTensor } from '../../shared/domain/base-modules.ts';
import { loraTargets } from '../../shared/domain/lora-targets.ts';
import type { Finding } from '../../shared/errors.ts';
import { loraConfigSchema } from '../../shared/methods/lora.ts';
import type { ReadyBase } from '../../shared/records/bases.ts';
import type { SettledTrainRequest } from './settle-training.ts';

/** What can be said about a training run before anything is read but the base's list of tensors. */
export function trainFindings(
  request: SettledTrainRequest,
  base: ReadyBase,
  tensors: readonly BaseTensor[],
): Finding[] {
  const findings: Finding[] = [];
  const report = (severity: Finding['severity'], where: string, message: string): void =>
    void findings.push({ severity, code: 'job', where, message });
  const { method, output, contextTokens, dataset, evalDataset } = request;
  if (method.kind === 'lora' && 'base' in output)
    report('error', 'output', 'LoRA makes a version of an adapter: give {"adapter": name}');
  if (method.kind === 'full' && 'adapter' in output)
    report('error', 'output', 'full fine-tuning makes a new base: give {"base": name}');
  if (method.kind === 'lora')
    for (const finding of lora(method.config, tensors))
      findings.push({ ...finding, where: `method.config.${finding.where ?? ''}` });
  if (contextTokens !== undefined && base.contextTokens !== null && contextTokens > base.contextTokens)
    report('error', 'contextTokens', `is ${contextTokens}; the base has a context of ${base.contextTokens} tokens`);
  if (dataset === evalDataset)
    report('warning', 'evalDataset', 'is the dataset that is trained on, so the held-out loss flatters');
  return findings;
}

function lora(config: object, tensors: readonly BaseTensor[]): readonly Finding[] {
  return loraTargets(loraConfigSchema.parse(config), adaptableModules(tensors)).findings;
}
