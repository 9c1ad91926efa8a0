import { pairLoraTensors, type LoraPair } from '../../shared/domain/adapter-tensors.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import { parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import type { LoraConfig } from '../../shared/methods/lora.ts';
import type { World } from '../../shared/platform/ports.ts';
import { blobSource } from '../../shared/records/blob-source.ts';
import { onOwnBase } from '../../shared/records/own-base.ts';
import { readBlob } from '../../shared/records/read-blob.ts';
import { resolveVersion, type VersionRecord } from '../../shared/records/versions.ts';

/** What a recipe names, before it is pinned. */
export interface AskedMember {
  readonly adapter: string;
  readonly version: string;
  readonly weight: number;
}

/** A member pinned to a published version, with what its headers tell. */
export interface PinnedMember {
  /** For messages: `french@3`. */
  readonly name: string;
  readonly weight: number;
  readonly version: VersionRecord & { readonly version: number };
  readonly config: LoraConfig;
  readonly modules: readonly LoraPair<TensorEntry>[];
}

/** Looks every member up; what stands against the last is told together with what stands against the first. */
export async function pinMembers(
  world: World,
  team: string,
  asked: readonly AskedMember[],
): Promise<{ readonly members: readonly PinnedMember[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  const members: PinnedMember[] = [];
  for (const [i, member] of asked.entries())
    try {
      members.push(await pinMember(world, team, member));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { code, message } = error;
      findings.push({ severity: 'error', code, message, where: `members[${i}]` });
    }
  return { members, findings };
}

async function pinMember(world: World, team: string, { adapter, version, weight }: AskedMember): Promise<PinnedMember> {
  const { value } = (await resolveVersion(world.table, team, adapter, version)).version;
  const found = await onOwnBase(world.table, team, value);
  const name = `${adapter}@${found.version ?? found.id}`;
  if (found.state === 'withdrawn')
    throw new DomainError('withdrawn', `${name} was withdrawn${reason(found)}: choose another version.`);
  if (found.state !== 'published' || found.version === null)
    throw new DomainError('not-published', `${name} is ${found.state}: only a published version can be composed.`);
  if (found.checks?.usable === false)
    throw new DomainError('unusable', `${name} cannot be composed here: ${found.checks.unusableBecause.join('; ')}.`);
  const { config, modules } = await readHeaders(world, name, found);
  return { name, weight, version: { ...found, version: found.version }, config, modules };
}

const reason = ({ withdrawnBecause }: VersionRecord): string =>
  withdrawnBecause === undefined ? '' : ` (${withdrawnBecause})`;

async function readHeaders(
  world: World,
  name: string,
  { files }: VersionRecord,
): Promise<Pick<PinnedMember, 'config' | 'modules'>> {
  const configFile = files.find(({ path }) => path === 'adapter_config.json');
  const weights = files.find(({ path }) => path === 'adapter_model.safetensors');
  if (!configFile || !weights)
    throw new DomainError('unusable', `${name} has no adapter_config.json with an adapter_model.safetensors.`);
  const config = parseLoraConfig(JSON.parse(new TextDecoder().decode(await readBlob(world, configFile.blob))));
  const header = await readSafetensorsHeader(blobSource(world, weights));
  return { config, modules: [...pairLoraTensors(config, header.tensors.values()).pairs.values()] };
}
