import { isOf, versionBlob, type PlantedDamage } from './planted-damage.ts';

export const brokenBytes: readonly PlantedDamage[] = [
  {
    name: 'an account says more than its things hold',
    rule: 'bytes',
    says: /the account of \w+ \w+ says .* and its things hold/,
    plant: (store) =>
      store.change(
        store.find('budget', (_, { sort }) => sort === 'team'),
        { stored: { bytes: 1, reserved: 2 } },
      ),
  },
  {
    name: 'what a thing holds is not noted',
    rule: 'bytes',
    says: /\/ver_\w+ has \d+ bytes and 0 are counted/,
    plant: (store) => {
      const id = store.find('version', isOf('shared-a', 1)).value['id'];
      store.remove(store.find('stored', (value) => value['id'] === id));
    },
  },
  {
    name: 'less is counted than there is',
    rule: 'bytes',
    says: /has \d+ bytes and 1 are counted/,
    plant: (store) => {
      const [, , id] = versionBlob(store).key.split('/');
      store.change(
        store.find('stored', (value) => value['id'] === id),
        { bytes: 1, reserved: 0 },
      );
    },
  },
];
