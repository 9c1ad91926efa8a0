import type { Version } from '../contract/versions.ts';

export type VersionState = Version['state'];

/** What may become of a version. A refused or withdrawn one stays what it is: a new version takes its place. */
const next: Readonly<Record<VersionState, readonly VersionState[]>> = {
  draft: ['validating', 'rejected'],
  validating: ['published', 'rejected'],
  published: ['withdrawn'],
  rejected: [],
  withdrawn: [],
};

export function mayBecome(from: VersionState, to: VersionState): boolean {
  return next[from].includes(to);
}

/** Whether nothing will be decided about it any more. */
export function isDecided(state: VersionState): boolean {
  return state === 'published' || state === 'rejected' || state === 'withdrawn';
}

/**
 * Where `latest` points when these versions are published or withdrawn: to the newest that is not withdrawn; undefined: nowhere. Give
 * them newest first; no more are taken than needed.
 */
export async function newestUsable(
  newestFirst: AsyncIterable<{ readonly version: number | null; readonly state: VersionState }>,
): Promise<number | undefined> {
  for await (const { version, state } of newestFirst) if (state === 'published' && version !== null) return version;
  return undefined;
}
