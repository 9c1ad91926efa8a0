import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findAdapter } from '../../shared/records/adapters.ts';
import { findBase, requireReadyBase, type ReadyBase } from '../../shared/records/bases.ts';
import { onOwnBase } from '../../shared/records/own-base.ts';
import { requireReadyDataset, type ReadyDataset } from '../../shared/records/datasets.ts';
import { findReadable } from '../../shared/records/shares.ts';
import { findVersion, resolveVersion, type VersionRecord } from '../../shared/records/versions.ts';

/** Looks things up for a job. What cannot be used is among the findings, all of it, and the answer is undefined. */
export interface Search {
  readonly findings: Finding[];
  base(where: string, name: string): Promise<ReadyBase | undefined>;
  dataset(where: string, name: string): Promise<ReadyDataset | undefined>;
  /** A published version, on the base that the team has for it; `usable`: one that this installation can compose, merge and run. */
  version(where: string, adapter: string, ref: string, usable: boolean): Promise<VersionRecord | undefined>;
  /** One that was pinned before; of another team, if it is still shared. */
  pinned(
    where: string,
    member: { readonly adapter: string; readonly versionId: string },
  ): Promise<VersionRecord | undefined>;
  /** A new adapter, or one of this base, for a new version. */
  freeAdapter(where: string, name: string, base: string | undefined): Promise<void>;
  freeBase(where: string, name: string): Promise<void>;
  refuse(code: string, where: string, message: string): void;
}

export function createSearch({ table }: Pick<World, 'table'>, team: string): Search {
  const findings: Finding[] = [];
  const refuse: Search['refuse'] = (code, where, message) =>
    void findings.push({ severity: 'error', code, where, message });
  const tried = async <T>(where: string, find: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      refuse(error.code, where, error.message);
      return undefined;
    }
  };
  const checked = (where: string, version: VersionRecord, usable: boolean): VersionRecord | undefined => {
    const name = `Version ${version.version ?? version.id} of "${version.adapter}"`;
    if (version.state === 'withdrawn')
      refuse('withdrawn', where, `${name} was withdrawn: ${version.withdrawnBecause ?? ''}`);
    else if (version.state !== 'published') refuse('not-ready', where, `${name} is not published (${version.state}).`);
    else if (usable && version.checks?.usable !== true)
      refuse('unusable', where, `${name} cannot be used here: ${version.checks?.unusableBecause.join('; ') ?? ''}.`);
    else return version;
    return undefined;
  };
  const onBase = async (where: string, version: VersionRecord | undefined): Promise<VersionRecord | undefined> =>
    version && tried(where, () => onOwnBase(table, team, version));
  return {
    findings,
    refuse,
    base: async (where, name) => (await tried(where, () => requireReadyBase(table, team, name)))?.value,
    dataset: async (where, name) => (await tried(where, () => requireReadyDataset(table, team, name)))?.value,
    async version(where, name, ref, usable) {
      if (!(await findReadable(table, team, name))) {
        refuse('no-such-adapter', where, `There is no adapter "${name}".`);
        return undefined;
      }
      try {
        const { value } = (await resolveVersion(table, team, name, ref)).version;
        return await onBase(where, checked(where, value, usable));
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        const message =
          ref === 'latest'
            ? `The adapter "${name}" has no published version yet.`
            : `The adapter "${name}" has no version "${ref}".`;
        refuse('no-such-version', where, message);
        return undefined;
      }
    },
    async pinned(where, { adapter, versionId }) {
      if (splitRef(adapter).owner !== undefined) {
        const found = await tried(where, () => resolveVersion(table, team, adapter, versionId));
        return found && onBase(where, checked(where, found.version.value, true));
      }
      const version = await findVersion(table, team, versionId);
      if (version) return checked(where, version.value, true);
      refuse('no-such-version', where, `There is no version "${versionId}" any more.`);
      return undefined;
    },
    async freeAdapter(where, name, base) {
      const adapter = await findAdapter(table, team, name);
      if (adapter && base !== undefined && adapter.value.base !== base)
        refuse(
          'base-mismatch',
          where,
          `The adapter "${name}" belongs to the base "${adapter.value.base}", not to "${base}": choose another name.`,
        );
    },
    async freeBase(where, name) {
      if (await findBase(table, team, name))
        refuse('name-taken', where, `There is a base "${name}" already: choose another name.`);
    },
  };
}
