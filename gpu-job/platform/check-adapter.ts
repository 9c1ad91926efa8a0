import { join } from 'node:path';
import { adapterConfigName, adapterWeightsName } from '../../shared/domain/adapter-files.ts';
import { invariant } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { newSha256 } from '../../shared/files/sha256.ts';
import type { World } from '../../shared/platform/ports.ts';
import { baseFacts } from '../../shared/records/base-facts.ts';
import type { ReadyBase } from '../../shared/records/bases.ts';
import type { VersionOutcome } from '../../shared/records/publish-version.ts';
import { versionOutcome } from '../../shared/records/version-outcome.ts';
import { engineReports } from '../../shared/validation/engine-reports.ts';
import { validateAdapter } from '../../shared/validation/validate-adapter.ts';

/**
 * Looks at every byte of an adapter that a job has made, as at one that was uploaded: what we write is checked like what others write. An
 * error is our own bug.
 */
export async function checkAdapter(world: World, base: ReadyBase, folder: string): Promise<VersionOutcome> {
  const facts = await baseFacts(world, base);
  const config = await openFileSource(join(folder, adapterConfigName));
  const weights = await openFileSource(join(folder, adapterWeightsName));
  try {
    const names = [adapterConfigName, adapterWeightsName];
    const options = { newHash: newSha256, baseTensors: facts.tensors };
    const validation = await validateAdapter({ names, config, weights }, options);
    const errors = validation.findings.filter(({ severity }) => severity === 'error');
    invariant(errors.length === 0, `what was made is sound: ${errors.map(({ message }) => message).join('; ')}`);
    return versionOutcome(validation, await engineReports(facts, { config, weights }));
  } finally {
    await config.close();
    await weights.close();
  }
}
