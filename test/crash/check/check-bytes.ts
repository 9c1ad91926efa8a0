import type { Store } from './store.ts';

/** Accounts are the sums of what things hold, and no thing has more in the store than is counted for it. */
export function checkBytes(store: Store): string[] {
  const held = new Map<string, number>();
  const sums = new Map<string, Amount>();
  for (const { value, partition } of store.ofKind('stored')) {
    const { team, id, keyId, bytes, reserved } = value as unknown as Holding; // checked by what is summed
    if (partition !== `${team}#stored`) continue;
    held.set(`${team}/${id}`, bytes + reserved);
    for (const subject of ['team', ...(keyId === '' ? [] : [keyId])]) {
      const sum = sums.get(`${team} ${subject}`) ?? { bytes: 0, reserved: 0 };
      sums.set(`${team} ${subject}`, { bytes: sum.bytes + bytes, reserved: sum.reserved + reserved });
    }
  }
  return [...checkAccounts(store, sums), ...checkKept(store, held)];
}

interface Amount {
  readonly bytes: number;
  readonly reserved: number;
}

interface Holding extends Amount {
  readonly team: string;
  readonly id: string;
  readonly keyId: string;
}

function checkAccounts(store: Store, sums: ReadonlyMap<string, Amount>): string[] {
  const found: string[] = [];
  const accounts = new Map(
    store.ofKind('budget').map((row) => [`${row.partition.split('#')[0]} ${row.sort}`, row.value['stored'] as Amount]),
  );
  for (const subject of new Set([...accounts.keys(), ...sums.keys()])) {
    const [is, should] = [accounts.get(subject), sums.get(subject)].map((one) => one ?? { bytes: 0, reserved: 0 });
    if (is?.bytes !== should?.bytes || is?.reserved !== should?.reserved)
      found.push(`the account of ${subject} says ${JSON.stringify(is)} and its things hold ${JSON.stringify(should)}`);
  }
  return found;
}

/** Of several versions of a key the smallest one counts here: which is the newest does not stand in the row. */
function checkKept(store: Store, held: ReadonlyMap<string, number>): string[] {
  const sizes = new Map<string, number>();
  for (const { key, sizeBytes } of store.blobs) sizes.set(key, Math.min(sizeBytes, sizes.get(key) ?? Infinity));
  const kept = new Map<string, number>();
  for (const [key, sizeBytes] of sizes) {
    const [team = '', kind = '', id = '', part = ''] = key.split('/');
    const isNote =
      part === 'report.json' || part === 'outcome.json' || part === 'checks.json' || part === 'tensors.json';
    if (isNote || kind === '') continue;
    kept.set(`${team}/${id}`, (kept.get(`${team}/${id}`) ?? 0) + sizeBytes);
  }
  return [...kept].flatMap(([thing, bytes]) => {
    const counted = held.get(thing) ?? 0;
    return bytes > counted ? [`${thing} has ${bytes} bytes and ${counted} are counted`] : [];
  });
}
