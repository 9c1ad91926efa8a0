import type { Ledger, LedgerEntry, NamedThing } from './ledger.ts';
import { agrees, groupBy, textOf, type Row, type Store } from './store.ts';

/** Everything that a client was told is so, or was so and was changed by a later call. */
export function checkPromises(store: Store, ledger: Ledger): string[] {
  const found: string[] = [];
  const names = ledger.filter((entry) => entry.kind === 'state');
  for (const [name, entries] of groupBy(names, ({ thing, name: text }) => `${thing} ${text}`))
    found.push(...checkName(store, name, entries));
  for (const entry of ledger) found.push(...(checkEntry(store, entry) ?? []));
  return found;
}

type StateEntry = Extract<LedgerEntry, { kind: 'state' }>;

/** It means what the last answer said, or what was asked for after that. */
function checkName(store: Store, name: string, entries: readonly StateEntry[]): string[] {
  const last = entries.findLastIndex(({ acknowledged }) => acknowledged);
  const allowed = entries.slice(Math.max(0, last)).map(({ state }) => state);
  if (last === -1) allowed.push(null);
  const [first] = entries;
  const row = first && rowOf(store, first.thing, first.name);
  const isAllowed = allowed.some((state) => (state === null ? !row : row !== undefined && agrees(state, row.value)));
  if (isAllowed) return [];
  const is = row ? JSON.stringify(row.value) : 'not there';
  return [`the ${name} is ${is}; acknowledged was ${JSON.stringify(allowed[0])}`];
}

function rowOf(store: Store, thing: NamedThing, name: string): Row | undefined {
  return thing === 'key' ? store.find(`KEY#${name}`, 'key') : store.find(`local#${thing}#${name}`, thing);
}

function checkEntry(store: Store, entry: LedgerEntry): string[] | undefined {
  switch (entry.kind) {
    case 'state':
    case 'change':
      return undefined;
    case 'version':
      return checkVersion(store, entry);
    case 'revoked': {
      const key = store.find(`KEY#${entry.keyId}`, 'key');
      return key && key.value['revokedAt'] !== null ? [] : [`the key ${entry.keyId} is revoked no longer`];
    }
    case 'withdrawn': {
      const version = versionOf(store, entry.versionId);
      return version?.value['state'] === 'withdrawn' ? [] : [`the version ${entry.versionId} is no longer withdrawn`];
    }
    case 'alias': {
      const { adapterId, alias, version, revision } = entry;
      const sort = String(revision).padStart(12, '0');
      const step = store.find(`local#alias-history#${adapterId}#${alias}`, sort);
      const is = step ? `leads to ${JSON.stringify(step.value['version'])}` : 'is missing';
      return step?.value['version'] === version ? [] : [`step ${revision} of ${adapterId}'s ${alias} ${is}`];
    }
    case 'upload': {
      const upload = store.find(`local#upload#${entry.uploadId}`, 'upload');
      const is = textOf(upload, 'state') || 'missing';
      return is === entry.state ? [] : [`the upload ${entry.uploadId} is ${is}, not ${entry.state}`];
    }
    case 'job':
      return jobOf(store, entry.jobId)?.value['kind'] === entry.jobKind ? [] : [`the job ${entry.jobId} is missing`];
    case 'job-resumed':
      return Number(jobOf(store, entry.jobId)?.value['attempt']) > 1 ? [] : [`${entry.jobId} was not resumed`];
    case 'job-ended': {
      const { jobId, state, output } = entry;
      const job = jobOf(store, jobId);
      if (job && agrees({ state, output }, job.value)) return [];
      return [`the job ${jobId} is ${textOf(job, 'state') || 'missing'}, not ${state} with ${JSON.stringify(output)}`];
    }
  }
}

function checkVersion(store: Store, { versionId, number, files }: Extract<LedgerEntry, { kind: 'version' }>): string[] {
  const version = versionOf(store, versionId);
  const state = textOf(version, 'state');
  if (!version || !['published', 'withdrawn'].includes(state))
    return [`the published version ${versionId} is ${state || 'missing'}`];
  const { version: is, files: kept } = version.value;
  const shown = (kept as { path: string; sizeBytes: number; sha256: string }[]).map(({ path, sizeBytes, sha256 }) =>
    JSON.stringify({ path, sizeBytes, sha256 }),
  );
  const sent = files.map(({ path, sizeBytes, sha256 }) => JSON.stringify({ path, sizeBytes, sha256 }));
  return [
    ...(is === number ? [] : [`the version ${versionId} has the number ${String(is)}, not ${number}`]),
    ...(shown.toSorted().join() === sent.toSorted().join() ? [] : [`the version ${versionId} has other files`]),
  ];
}

const versionOf = (store: Store, id: string): Row | undefined => store.find(`local#version#${id}`, 'version');
const jobOf = (store: Store, id: string): Row | undefined => store.find(`local#job#${id}`, 'job');
