import type { DamagedStore, FoundRow, Value } from './damaged-store.ts';
import { inState, isOf, named, type PlantedDamage } from './planted-damage.ts';

const production = (_: Value, { partition, sort }: FoundRow): boolean =>
  partition.endsWith('#production') || sort === 'production';

/** Where the number of a version of `shared-a` leads. */
function numberOf(store: DamagedStore, version: number): FoundRow {
  const { value } = store.find('version', isOf('shared-a', version));
  return store.find('version-numbers', (number) => number['versionId'] === value['id']);
}

export const brokenAdapters: readonly PlantedDamage[] = [
  {
    name: 'a version stays where it was',
    rule: 'adapters',
    says: /ver_\w+ stays validating/,
    plant: (store) => store.change(store.find('version', isOf('shared-a', 2)), { state: 'validating' }),
  },
  {
    name: 'there is a hole in the numbers',
    rule: 'adapters',
    says: /has no version 1, but one 000000000002/,
    plant: (store) => store.remove(numberOf(store, 1)),
  },
  {
    name: 'two numbers lead to one version',
    rule: 'adapters',
    says: /number 2 of adp_\w+ leads to a version that does not have it/,
    plant: (store) => store.change(numberOf(store, 2), { versionId: numberOf(store, 1).value['versionId'] }),
  },
  {
    name: 'a version has a number that nothing knows',
    rule: 'adapters',
    says: /has 4 versions with numbers and 3 numbers/,
    plant: (store) => store.change(store.find('version', inState('rejected')), { version: 4 }),
  },
  {
    name: 'an adapter counts a version too many',
    rule: 'adapters',
    says: /shared-a says 4 versions and has 3/,
    plant: (store) => store.change(store.find('adapter', named('shared-a')), { versions: 4 }),
  },
  {
    name: 'an adapter says another alias than is kept',
    rule: 'adapters',
    says: /shared-a says its aliases are .*production: 1/,
    plant: (store) => store.change(store.find('adapter', named('shared-a')), { aliases: { latest: 2, production: 1 } }),
  },
  {
    name: 'latest lags behind',
    rule: 'adapters',
    says: /latest of shared-a is 1, its newest version 2/,
    plant: (store) => store.change(store.find('adapter', named('shared-a')), { aliases: { latest: 1, production: 2 } }),
  },
  {
    name: 'an alias points elsewhere than its last step',
    rule: 'adapters',
    says: /production points elsewhere than its last step/,
    plant: (store) => store.change(store.find('aliases', production), { version: 1 }),
  },
  {
    name: 'a step of an alias is gone',
    rule: 'adapters',
    says: /step 1 of .* production is missing/,
    plant: (store) => store.remove(store.find('alias-history', production)),
  },
  {
    name: 'an alias is gone and its history is not',
    rule: 'adapters',
    says: /#production has steps of no alias/,
    plant: (store) => store.remove(store.find('aliases', production)),
  },
  {
    name: 'a tag leads to an adapter that does not have it',
    rule: 'adapters',
    says: /the tag green leads to notes, which does not have it/,
    plant: (store) => store.insert({ partition: 'local#tag#green', sort: 'notes', value: {} }),
  },
  {
    name: 'a tag does not lead to an adapter that has it',
    rule: 'adapters',
    says: /notes is not found by its tag red/,
    plant: (store) => store.remove({ partition: 'local#tag#red', sort: 'notes' }),
  },
];
