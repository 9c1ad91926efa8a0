import { createAdapter, setAlias } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createComposition, type Composition } from '../../shared/contract/compositions.ts';
import { withdrawVersion } from '../../shared/contract/versions.ts';
import { DomainError } from '../../shared/errors.ts';
import type { CommandIo } from '../command.ts';
import { errorText } from '../error-text.ts';
import { contentKey } from '../transfers/local-files.ts';
import { sizeText } from '../transfers/transfer-view.ts';
import { moveBase, moveDataset, moveVersion, type Relay } from './move-content.ts';
import type { Done, Left } from './outcome.ts';
import type { AdapterPlan } from './plan-adapter.ts';
import type { MovePlan } from './plan-move.ts';

/** What a run has done. */
export interface Moved {
  /** In the order of doing. */
  readonly done: readonly Done[];
  /** What was refused there, or follows from that. */
  readonly failed: readonly Left[];
}

/**
 * Brings everything of a plan to the other server, in the order in which one thing needs the other: bases, datasets, versions by their
 * numbers, compositions, withdrawals, aliases. What is refused there does not stop the rest. Rejects with `UnavailableError` when a server
 * stays away; planned and carried out again, it goes on.
 */
export async function carryOut(plan: MovePlan, relay: Relay, io: Pick<CommandIo, 'note'>): Promise<Moved> {
  const done: Done[] = [];
  const failed: Left[] = [];
  const attempt = async (what: string, work: () => Promise<Omit<Done, 'what'>>): Promise<boolean> => {
    try {
      const one = { what, ...(await work()) };
      done.push(one);
      io.note(doneLine(one));
      return true;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      failed.push({ what, why: errorText(error), conflict: true });
      return false;
    }
  };
  const lostBases = new Set<string>();
  for (const base of plan.bases)
    if (!(await attempt(`the base ${base.name}`, () => moveBase(relay, base)))) lostBases.add(base.name);
  for (const dataset of plan.datasets) await attempt(`the dataset ${dataset.name}`, () => moveDataset(relay, dataset));
  const numbers = new Map<AdapterPlan, ReadonlyMap<number, number>>();
  for (const adapter of plan.adapters) {
    const { name } = adapter.adapter;
    if (lostBases.has(adapter.adapter.base))
      failed.push({ what: `the adapter ${name}`, why: `its base ${adapter.base} is not there`, conflict: true });
    else numbers.set(adapter, await moveVersions(relay, adapter, attempt));
  }
  for (const composition of plan.compositions)
    await attempt(`the composition ${composition.name}`, () => makeComposition(relay.to, composition, numbers));
  for (const [adapter, known] of numbers) await pointAndWithdraw(relay.to, adapter, known, attempt);
  return { done, failed };
}

type Attempt = (what: string, work: () => Promise<Omit<Done, 'what'>>) => Promise<boolean>;

/** The numbers that versions have there by now. The first that is refused ends it, so that those behind it keep their numbers. */
async function moveVersions(relay: Relay, plan: AdapterPlan, attempt: Attempt): Promise<ReadonlyMap<number, number>> {
  const { adapter, base, isNew } = plan;
  const { name, description, tags } = adapter;
  const numbers = new Map(plan.numbers);
  if (isNew) {
    const body = { name, base, description, tags };
    const isThere = await attempt(`the adapter ${name}`, async () => {
      await relay.to.call(createAdapter, { body, idempotencyKey: contentKey(['adapter', body]) });
      return { bytes: 0 };
    });
    if (!isThere) return numbers;
  }
  for (const version of plan.versions) {
    const isThere = await attempt(`${name}@${version.version}`, async () => {
      const number = await moveVersion(relay, name, version);
      numbers.set(version.version, number);
      return { bytes: version.sizeBytes, ...(number === version.version ? {} : { as: `${name}@${number}` }) };
    });
    if (!isThere) return numbers;
  }
  return numbers;
}

async function makeComposition(
  to: ApiClient,
  composition: Composition,
  numbers: ReadonlyMap<AdapterPlan, ReadonlyMap<number, number>>,
): Promise<Omit<Done, 'what'>> {
  const { name, description, type, mode, peftRelease, rank, dtype } = composition;
  const members = composition.members.map(({ adapter, versionId, version, weight }) => {
    const [, known] = [...numbers].find(([{ ids }]) => ids.has(versionId)) ?? [];
    const number = known?.get(version);
    if (number === undefined) throw new DomainError('composition', `its member ${adapter}@${version} is not there`);
    return { adapter, version: String(number), weight };
  });
  const body = { name, description, type, mode, peftRelease, rank, dtype, members };
  await to.call(createComposition, { body, idempotencyKey: contentKey(['composition', body]) });
  return { bytes: 0 };
}

/** After compositions, which take no withdrawn member; aliases last, since none may point to what is withdrawn. */
async function pointAndWithdraw(
  to: ApiClient,
  { adapter: { name: adapter }, withdrawals, aliases }: AdapterPlan,
  numbers: ReadonlyMap<number, number>,
  attempt: Attempt,
): Promise<void> {
  for (const { version, withdrawnBecause: reason = '-' } of withdrawals) {
    const number = numbers.get(version);
    if (number === undefined) continue;
    await attempt(`the withdrawal of ${adapter}@${version}`, async () => {
      await to.call(withdrawVersion, { params: { adapter, version: String(number) }, body: { reason } });
      return { bytes: 0 };
    });
  }
  for (const [alias, version] of aliases) {
    const number = numbers.get(version);
    if (number === undefined) continue;
    await attempt(`${adapter}@${alias}`, async () => {
      await to.call(setAlias, { params: { adapter, alias }, body: { version: number, ifVersion: null } });
      return { bytes: 0 };
    });
  }
}

function doneLine({ what, as, bytes }: Done): string {
  const size = bytes > 0 ? ` (${sizeText(bytes)})` : '';
  return `${what}${size}${as === undefined ? '' : `, there ${as}`}`;
}
