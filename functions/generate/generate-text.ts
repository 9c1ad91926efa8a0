import { generateText as operation } from '../../shared/contract/generate.ts';
import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { ModelPart } from '../../shared/platform/text-generator.ts';
import { requireReadyBase } from '../../shared/records/bases.ts';
import { onOwnBase } from '../../shared/records/own-base.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { resolveVersion, type VersionRecord } from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';

export const generateText = handler(operation, async ({ world, generator }, { team }, { body }) => {
  if (!generator)
    throw new DomainError(
      'not-available-here',
      'This installation generates texts in jobs only: ask for a generate job.',
    );
  const { base: asked, adapter, version: ref, prompts, ...sampling } = body;
  const version = adapter === undefined ? undefined : await usableVersion(world, team, adapter, ref);
  const name = asked ?? version?.base;
  if (name === undefined)
    throw new DomainError('no-such-base', 'Give a base, or an adapter, whose base is then taken.');
  if (version && version.base !== name)
    throw new DomainError(
      'base-mismatch',
      `The adapter "${adapter}" belongs to the base "${version.base}": leave base out.`,
    );
  const { value: base } = await requireReadyBase(world.table, team, name);
  const { texts, seconds } = await generator.generate({
    ...sampling,
    prompts,
    base: partOf(base),
    ...(version ? { adapter: partOf(version) } : {}),
  });
  return {
    base: base.name,
    adapter: adapter ?? null,
    version: version?.version ?? null,
    texts: texts.map((text) => ({ ...text })),
    seconds,
  };
});

async function usableVersion(world: World, team: string, adapter: string, ref: string): Promise<VersionRecord> {
  const found = (await resolveVersion(world.table, team, adapter, ref)).version.value;
  const name = `${adapter}@${found.version ?? found.id}`;
  if (found.state !== 'published' && found.state !== 'withdrawn')
    throw new DomainError('not-published', `${name} is ${found.state}: only a published version can be used.`);
  if (found.state === 'withdrawn')
    throw new DomainError('withdrawn', `${name} was withdrawn (${found.withdrawnBecause}): choose another version.`);
  if (found.checks?.usable === false)
    throw new DomainError('unusable', `${name} cannot be used here: ${found.checks.unusableBecause.join('; ')}.`);
  return onOwnBase(world.table, team, found);
}

function partOf({ id, files }: { readonly id: string; readonly files: readonly StoredFile[] }): ModelPart {
  return { id, files: files.map(({ path, blob }) => ({ path, blob })) };
}
