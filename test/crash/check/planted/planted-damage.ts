import type { StoreRule } from '../check-store.ts';
import type { DamagedStore, FoundRow, Value } from './damaged-store.ts';

/** Something that must not happen to a store, done to a copy of `makeHealthyStore`. */
export interface PlantedDamage {
  readonly name: string;
  /** The rule that is broken, */
  readonly rule: StoreRule;
  /** and what is said of it. */
  readonly says: RegExp;
  readonly plant: (store: DamagedStore) => void;
}

type Fits = (value: Value, row: FoundRow) => boolean;

export const named =
  (name: string): Fits =>
  (value) =>
    value['name'] === name;

export const inState =
  (state: string): Fits =>
  (value) =>
    value['state'] === state;

/** A version with this number. */
export const isOf =
  (adapter: string, version: number): Fits =>
  (value) =>
    value['adapter'] === adapter && value['version'] === version;

export const isJob =
  (kind: string): Fits =>
  (value, row) =>
    row.sort === 'job' && value['kind'] === kind;

/** A row of the audit. */
export const tellsOf =
  (action: string, resource: RegExp): Fits =>
  (value) =>
    value['action'] === action && resource.test(String(value['resource']));

/** A chunk of the stream of the training job. */
export function chunkOfTraining(store: DamagedStore, fits: (text: string) => boolean): FoundRow {
  const { partition } = store.find('job', isJob('train'));
  return store.find(
    'job',
    (value, row) => row.partition === partition && row.sort.startsWith('chunk#') && fits(JSON.stringify(value)),
  );
}

/** A content of the first version of `shared-a`. */
export function versionBlob(store: DamagedStore): { readonly key: string; readonly versionId: string } {
  const { value } = store.find('version', isOf('shared-a', 1));
  const [file] = value['files'] as readonly { readonly blob: { readonly key: string; readonly versionId: string } }[];
  if (!file) throw new Error('a version has files');
  return file.blob;
}
