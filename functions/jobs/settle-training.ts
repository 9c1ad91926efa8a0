import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { adaptableModules, type BaseTensor } from '../../shared/domain/base-modules.ts';
import { continuedLora } from '../../shared/domain/continued-lora.ts';
import { invariant, type Finding } from '../../shared/errors.ts';
import { parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readBlob } from '../../shared/records/read-blob.ts';
import type { VersionRecord } from '../../shared/records/versions.ts';

type TrainRequest = Extract<JobRequest, { readonly kind: 'train' }>;
/** A request to train that says itself what LoRA acts on, as a job that goes on from a version finds it in there. */
export type SettledTrainRequest = Omit<TrainRequest, 'method'> & { readonly method: SettledTrainSpec['method'] };

/** What a request to train comes to on a base with these tensors; undefined where what it goes on from was not found. */
export async function settleTraining(
  world: Pick<World, 'blobs'>,
  { method, ...request }: TrainRequest,
  from: VersionRecord | undefined,
  tensors: readonly BaseTensor[],
): Promise<{ readonly settled: SettledTrainRequest | undefined; readonly findings: readonly Finding[] }> {
  if (method.kind !== 'continue') return { settled: { ...request, method }, findings: [] };
  if (!from) return { settled: undefined, findings: [] };
  const file = from.files.find(({ path }) => path === 'adapter_config.json');
  invariant(file, 'a published version has a config');
  const own = parseLoraConfig(JSON.parse(new TextDecoder().decode(await readBlob(world, file.blob))));
  const { config, findings } = continuedLora(own, method.config, adaptableModules(tensors), request.evaluation);
  return {
    settled: { ...request, method: { kind: 'lora', config } },
    findings: findings.map((finding) => ({ ...finding, code: 'job' })),
  };
}
