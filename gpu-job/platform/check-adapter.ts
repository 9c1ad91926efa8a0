import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { adapterConfigName, adapterWeightsName } from '../../shared/domain/adapter-files.ts';
import { servability } from '../../shared/domain/servability.ts';
import { invariant } from '../../shared/errors.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readBaseTensors, readJsonBlob } from '../../shared/records/base-tensors.ts';
import type { ReadyBase } from '../../shared/records/bases.ts';
import type { VersionOutcome } from '../../shared/records/publish-version.ts';
import { versionOutcome } from '../../shared/records/version-outcome.ts';
import { validateAdapter } from '../../shared/validation/validate-adapter.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { readJsonFile } from '../folders/files.ts';

/**
 * Looks at every byte of an adapter that a job has made, as at one that was uploaded: what we write is checked like what others write. An
 * error is our own bug.
 */
export async function checkAdapter(world: World, base: ReadyBase, folder: string): Promise<VersionOutcome> {
  const tensors = await readBaseTensors(world, base.tensors);
  const config = await openFileSource(join(folder, adapterConfigName));
  const weights = await openFileSource(join(folder, adapterWeightsName));
  try {
    const names = [adapterConfigName, adapterWeightsName];
    const validation = await validateAdapter({ names, config, weights }, { newHash, baseTensors: tensors });
    const errors = validation.findings.filter(({ severity }) => severity === 'error');
    invariant(errors.length === 0, `what was made is sound: ${errors.map(({ message }) => message).join('; ')}`);
    const header = await readSafetensorsHeader(weights);
    const engines = servability({
      config: configSchema.parse(await readJsonFile(join(folder, adapterConfigName))),
      tensors: [...header.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      base: { ...(await modelFacts(world, base)), tensors },
    });
    const reports = engines.map(({ reasons, settings, ...rest }) => ({
      ...rest,
      reasons: [...reasons],
      settings: [...settings],
    }));
    return versionOutcome(validation, reports);
  } finally {
    await config.close();
    await weights.close();
  }
}

const configSchema = z.record(z.string(), z.unknown());
const modelSchema = z.looseObject({ model_type: z.string().nullish(), tie_word_embeddings: z.boolean().nullish() });

async function modelFacts(
  world: World,
  { files }: ReadyBase,
): Promise<{ readonly modelType: string | null; readonly tiedEmbeddings: boolean }> {
  const file = files.find(({ path }) => path === 'config.json');
  const config = modelSchema.safeParse(file ? await readJsonBlob(world, file.blob) : {}).data;
  return { modelType: config?.model_type ?? null, tiedEmbeddings: config?.tie_word_embeddings ?? false };
}

function newHash(): { update(bytes: Uint8Array): void; hex(): string } {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
