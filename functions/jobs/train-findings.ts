import { adaptableModules, type BaseTensor } from '../../shared/domain/base-modules.ts';
import { loraTargets } from '../../shared/domain/lora-targets.ts';
import { placeOfTrial, trialsOf, type SweepRequest } from '../../shared/domain/sweep-requests.ts';
import { placeOfTask, taskRequests, type TrainTasksRequest } from '../../shared/domain/task-requests.ts';
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

/** The same about each of several tasks, without their datasets' lengths: what is of all is told once. */
export function taskFindings(request: TrainTasksRequest, base: ReadyBase, tensors: readonly BaseTensor[]): Finding[] {
  const findings = new Map<string, Finding>();
  for (const [i, one] of taskRequests(request).entries()) {
    const { method } = one;
    if (method.kind !== 'lora') continue; // of which a request of tasks has none
    for (const finding of trainFindings({ ...one, method }, base, tensors)) {
      const where = placeOfTask(request, i, finding.where ?? '');
      const told = { ...finding, where };
      findings.set(JSON.stringify([where, finding.message]), told);
    }
  }
  return [...findings.values()];
}

/** The same about each trial of a sweep: what is of all, or of one value, is told once. */
export function sweepFindings(request: SweepRequest, base: ReadyBase, tensors: readonly BaseTensor[]): Finding[] {
  const findings = new Map<string, Finding>();
  for (const [i, trial] of trialsOf(request).entries()) {
    const { method } = trial.request;
    if (method.kind !== 'lora') continue; // of which a sweep has none
    for (const finding of trainFindings({ ...trial.request, method }, base, tensors)) {
      const told = { ...finding, where: placeOfTrial(request, i, finding.where ?? '') };
      findings.set(JSON.stringify([told.where, told.message]), told);
    }
  }
  return [...findings.values()];
}

function lora(config: object, tensors: readonly BaseTensor[]): readonly Finding[] {
  return loraTargets(loraConfigSchema.parse(config), adaptableModules(tensors)).findings;
}
