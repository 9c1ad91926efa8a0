import { createHash } from 'node:crypto';
import { parseKeyText } from '../../../shared/records/api-keys.ts';
import { checkAdapters } from '../../crash/check/check-adapters.ts';
import { groupBy, textOf, type Records, type Row } from '../../crash/check/store.ts';
import { keyCount, promotedAdapter, publishedAdapter, type RaceFacts } from './facts.ts';
import type { Told } from './told.ts';

/** Holds the records against what the clients were told. */
export function checkRaces(store: Records, facts: RaceFacts, told: readonly Told[]): string[] {
  return [
    ...checkAdapters(store),
    ...checkPublished(store, facts, told),
    ...checkPromoted(store, told),
    ...checkMade(store, told),
    ...checkRevoked(store, facts),
    ...checkRotated(store, facts, told),
  ];
}

const audited = (store: Records, action: string, resource = ''): readonly Row[] =>
  store
    .ofKind('audit')
    .filter((row) => textOf(row, 'action') === action && textOf(row, 'resource').startsWith(resource));

/** Each version has one number, all publishers were told it, and the audit has it once. */
function checkPublished(store: Records, facts: RaceFacts, told: readonly Told[]): string[] {
  const found: string[] = [];
  for (const entry of told) {
    if (entry.race !== 'publish') continue;
    const is = store.find(`blue#version#${entry.versionId}`, 'version')?.value['version'];
    if (is !== entry.number)
      found.push(`${entry.versionId} has number ${String(is)}; a publisher was told ${entry.number}`);
  }
  const adapter = store.find(`blue#adapter#${publishedAdapter}`, 'adapter');
  if (adapter?.value['versions'] !== facts.waiting.length)
    found.push(
      `${facts.waiting.length} versions were published and the adapter has ${String(adapter?.value['versions'])}`,
    );
  const rows = audited(store, 'version.publish', `adapters/${publishedAdapter}/`).length;
  if (rows !== facts.waiting.length) found.push(`the audit has ${rows} publications, not ${facts.waiting.length}`);
  return found;
}

/** The history is one chain: each step begins where the last one ended, and is some client's, who said so. */
function checkPromoted(store: Records, told: readonly Told[]): string[] {
  const found: string[] = [];
  const adapterId = textOf(store.find(`blue#adapter#${promotedAdapter}`, 'adapter'), 'id');
  const steps = store.ofKind('alias-history').filter(({ partition }) => partition.endsWith(`${adapterId}#production`));
  const versionAt = (revision: number): unknown => (revision === 0 ? null : steps[revision - 1]?.value['version']);
  const calls = told.filter((entry) => entry.race === 'promote');
  const moves = calls.flatMap((call) => (call.revision === null ? [] : [{ ...call, revision: call.revision }]));
  for (const { keyId, from, to, revision } of moves) {
    const [is, before] = [steps[revision - 1], versionAt(revision - 1)];
    if (is?.value['version'] !== to || is.value['updatedBy'] !== keyId)
      found.push(`step ${revision} to ${to} was acknowledged and is ${JSON.stringify(is?.value)}`);
    if (before !== from) found.push(`step ${revision} was to begin at ${from} and began at ${String(before)}`);
  }
  const winners = new Set(moves.map(({ revision }) => revision));
  if (winners.size !== moves.length) found.push(`${moves.length} moves were acknowledged for ${winners.size} steps`);
  for (const [at, step] of steps.entries()) {
    const [from, to] = [versionAt(at), step.value['version']];
    const isKnown = calls.some((call) => call.to === to && call.from === from);
    if (!isKnown) found.push(`step ${at + 1} from ${String(from)} to ${String(to)} is nobody's`);
  }
  const linksOf = (pairs: readonly string[]): string => pairs.toSorted().join();
  const rows = audited(store, 'alias.set').map(({ value }) => value['detail'] as { from: unknown; to: unknown });
  const told1 = linksOf(rows.map(({ from, to }) => `${String(from)}>${String(to)}`));
  if (told1 !== linksOf(steps.map((step, at) => `${String(versionAt(at))}>${String(step.value['version'])}`)))
    found.push('the audit tells of other steps than the history has');
  return found;
}

/** One key for each Idempotency-Key, the same for all, whose secret one client has at most. */
function checkMade(store: Records, told: readonly Told[]): string[] {
  const made = told.filter((entry) => entry.race === 'create');
  const found: string[] = [];
  for (const [group, entries] of groupBy(made, (entry) => String(entry.group))) {
    const ids = new Set(entries.map(({ keyId }) => keyId));
    if (ids.size !== 1) found.push(`the same call has made ${ids.size} keys (${group})`);
    const secrets = entries.filter(({ hasSecret }) => hasSecret).length;
    if (secrets > 1) found.push(`${secrets} clients have the secret of one key (${group})`);
    for (const id of ids) if (!store.find(`KEY#${id}`, 'key')) found.push(`the key ${id} was made and is missing`);
  }
  const rows = audited(store, 'key.create').length;
  if (rows !== keyCount) found.push(`the audit has ${rows} new keys, not ${keyCount}`);
  return found;
}

/** Revoked once, however many did it. */
function checkRevoked(store: Records, { doomed }: RaceFacts): string[] {
  return doomed.flatMap((id) => {
    const key = store.find(`KEY#${id}`, 'key');
    const rows = audited(store, 'key.revoke', `keys/${id}`).length;
    return [
      ...(typeof key?.value['revokedAt'] === 'string' ? [] : [`the key ${id} is not revoked`]),
      ...(rows === 1 ? [] : [`the audit has ${rows} ends of the key ${id}`]),
    ];
  });
}

/** The secrets of a key are one chain, which ends at the one that it has: none was put in the place of two. */
function checkRotated(store: Records, { rotated }: RaceFacts, told: readonly Told[]): string[] {
  const calls = told.filter((entry) => entry.race === 'rotate');
  return rotated.flatMap((text) => {
    const { keyId = '', secret = '' } = parseKeyText(text) ?? {};
    const own = calls.filter((call) => call.keyId === keyId);
    const links = own.flatMap((call) => call.links);
    const found: string[] = [];
    for (const [before, after] of groupBy(links, (link) => link.before))
      if (after.length > 1)
        found.push(`${after.length} secrets of ${keyId} took the place of one (${before.slice(0, 8)})`);
    const nextOf = new Map(links.map(({ before, after }) => [before, after]));
    const chain = [sha256(secret)];
    for (
      let next = nextOf.get(chain[0] ?? '');
      next !== undefined && chain.length <= links.length;
      next = nextOf.get(next)
    )
      chain.push(next);
    const key = store.find(`KEY#${keyId}`, 'key')?.value as Partial<ApiKeySecrets> | undefined;
    const rows = audited(store, 'key.rotate', `keys/${keyId}`).length;
    // whose answer was lost for good is no link of any client
    if (links.length === rows && chain.length !== rows + 1)
      found.push(`${rows} rotations of ${keyId} make a chain of ${chain.length - 1}`);
    if (rows !== own.length) found.push(`the audit has ${rows} rotations of ${keyId}, and ${own.length} were told`);
    if (links.length === rows && key?.secretSha256 !== chain.at(-1))
      found.push(`the key ${keyId} has not the last secret`);
    if (links.length === rows && key?.previous?.secretSha256 !== chain.at(-2))
      found.push(`the secret before the last one of ${keyId} does not overlap with it`);
    return found;
  });
}

interface ApiKeySecrets {
  readonly secretSha256: string;
  readonly previous: { readonly secretSha256: string } | null;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
