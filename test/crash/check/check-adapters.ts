import { groupBy, textOf, type Records, type Row } from './store.ts';

/** Adapters, versions, numbers, aliases and tags say the same of each other. */
export function checkAdapters(store: Records): string[] {
  const versions = groupBy(store.ofKind('version'), (row) => textOf(row, 'adapterId'));
  const found = store.ofKind('version').flatMap((version) => checkEnd(version));
  for (const [adapterId, ofAdapter] of versions) found.push(...checkNumbers(store, adapterId, ofAdapter));
  for (const adapter of store.ofKind('adapter'))
    found.push(...checkAdapter(store, adapter, versions.get(textOf(adapter, 'id')) ?? []));
  for (const alias of store.ofKind('aliases')) found.push(...checkHistory(store, alias));
  for (const step of store.ofKind('alias-history')) {
    const [team, , adapterId, alias = ''] = step.partition.split('#');
    if (!store.find(`${team}#aliases#${adapterId}`, alias)) found.push(`${step.partition} has steps of no alias`);
  }
  for (const tag of store.ofKind('tag')) {
    const [team, , text] = tag.partition.split('#');
    const adapter = store.find(`${team}#adapter#${tag.sort}`, 'adapter');
    const tags = (adapter?.value['tags'] ?? []) as string[];
    if (!tags.includes(text ?? '')) found.push(`the tag ${text} leads to ${tag.sort}, which does not have it`);
  }
  return found;
}

/** Once everything has settled, nothing is on its way any more. */
function checkEnd(version: Row): string[] {
  const state = textOf(version, 'state');
  return ['published', 'rejected', 'withdrawn'].includes(state) ? [] : [`${textOf(version, 'id')} stays ${state}`];
}

/** Numbers run from 1 without gaps, and each leads to the version that has it. */
function checkNumbers(store: Records, adapterId: string, versions: readonly Row[]): string[] {
  const found: string[] = [];
  const numbered = versions.filter(({ value }) => value['version'] !== null);
  const pointers = store.ofKind('version-numbers').filter(({ partition }) => partition.endsWith(`#${adapterId}`));
  for (const [at, pointer] of pointers.entries()) {
    if (Number(pointer.sort) !== at + 1) found.push(`${adapterId} has no version ${at + 1}, but one ${pointer.sort}`);
    const version = versions.find((row) => textOf(row, 'id') === textOf(pointer, 'versionId'));
    if (version?.value['version'] !== Number(pointer.sort))
      found.push(`number ${Number(pointer.sort)} of ${adapterId} leads to a version that does not have it`);
  }
  if (pointers.length !== numbered.length)
    found.push(`${adapterId} has ${numbered.length} versions with numbers and ${pointers.length} numbers`);
  return found;
}

function checkAdapter(store: Records, adapter: Row, versions: readonly Row[]): string[] {
  const found: string[] = [];
  const { id, name, team } = adapter.value as { id: string; name: string; team: string };
  const count = store.ofKind('version-numbers').filter(({ partition }) => partition.endsWith(`#${id}`)).length;
  if (adapter.value['versions'] !== count)
    found.push(`${name} says ${String(adapter.value['versions'])} versions and has ${count}`);
  const stored = store.ofKind('aliases').filter(({ partition }) => partition === `${team}#aliases#${id}`);
  const pointing = stored.filter(({ value }) => value['version'] !== null);
  const shown = pointing.map(({ sort, value }) => `${sort}: ${String(value['version'])}`);
  const said = Object.entries(adapter.value['aliases'] as Record<string, number>).map(([a, v]) => `${a}: ${v}`);
  if (shown.toSorted().join() !== said.toSorted().join())
    found.push(`${name} says its aliases are ${said.join()}; their records say ${shown.join()}`);
  const usable = versions.filter(({ value }) => value['state'] === 'published').map(({ value }) => value['version']);
  const newest = usable.length === 0 ? undefined : Math.max(...usable.map(Number));
  const { latest } = adapter.value['aliases'] as { latest?: number };
  if (latest !== newest) found.push(`latest of ${name} is ${latest}, its newest version ${newest}`);
  for (const tag of adapter.value['tags'] as string[])
    if (!store.find(`${team}#tag#${tag}`, name)) found.push(`${name} is not found by its tag ${tag}`);
  return found;
}

/** One step for each revision, the last of which is where the alias points. */
function checkHistory(store: Records, alias: Row): string[] {
  const { partition, sort } = alias;
  const history = store.ofKind('alias-history');
  const steps = history.filter(
    (step) => step.partition === `${partition.replace('#aliases#', '#alias-history#')}#${sort}`,
  );
  const found = steps.flatMap((step, at) =>
    Number(step.sort) === at + 1 && step.value['revision'] === at + 1
      ? []
      : [`step ${at + 1} of ${partition} ${sort} is missing`],
  );
  if (steps.length !== alias.revision)
    found.push(`${partition} ${sort} was moved ${alias.revision} times and has ${steps.length} steps`);
  if (steps.at(-1)?.value['version'] !== alias.value['version'])
    found.push(`${partition} ${sort} points elsewhere than its last step`);
  return found;
}
