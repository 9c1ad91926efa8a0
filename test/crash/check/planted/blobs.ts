import { chmodSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DamagedStore } from './damaged-store.ts';
import { versionBlob, type PlantedDamage } from './planted-damage.ts';

const strangeId = 'f'.repeat(32);

/** Does something to the file of a content that a version names. */
function toFile(store: DamagedStore, work: (path: string) => void): void {
  const path = store.blobFile(versionBlob(store).versionId);
  chmodSync(path, 0o644);
  work(path);
}

function leave(store: DamagedStore, ...names: readonly string[]): void {
  const path = join(store.folder, ...names);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'left over');
}

export const brokenBlobs: readonly PlantedDamage[] = [
  {
    name: 'a content is not among the contents',
    rule: 'blobs',
    says: /names local\/versions\/ver_\w+\/files\/.*, which is not there/,
    plant: (store) => store.sql('DELETE FROM blobs WHERE version_id = ?', versionBlob(store).versionId),
  },
  {
    name: 'the file of a content is gone',
    rule: 'blobs',
    says: /the file of local\/versions\/ver_\w+\/files\/.* is missing/,
    plant: (store) => toFile(store, (path) => rmSync(path)),
  },
  {
    name: 'a content is cut off',
    rule: 'blobs',
    says: /local\/versions\/.* has 10 bytes, not \d+/,
    plant: (store) => toFile(store, (path) => truncateSync(path, 10)),
  },
  {
    name: 'a bit of a content is another',
    rule: 'blobs',
    says: /has another SHA-256 than/,
    plant: (store) =>
      toFile(store, (path) => {
        const bytes = readFileSync(path);
        bytes[5] = (bytes[5] ?? 0) ^ 1;
        writeFileSync(path, bytes);
      }),
  },
  {
    name: 'a content is named by nothing',
    rule: 'leftOvers',
    says: /no record names k \(f{32}\)/,
    plant(store) {
      leave(store, 'blobs', 'ff', strangeId);
      const text = `INSERT INTO blobs (key, version_id, size_bytes, written_at) VALUES ('k', ?, 9, 0)`;
      store.sql(text, strangeId);
    },
  },
  {
    name: 'a file belongs to no content',
    rule: 'leftOvers',
    says: /the file f{32} is no blob's/,
    plant: (store) => leave(store, 'blobs', 'ff', strangeId),
  },
  {
    name: 'an upload in parts was never ended',
    rule: 'leftOvers',
    says: /the upload f{32} in parts was never ended/,
    plant: (store) => store.sql(`INSERT INTO uploads VALUES (?, 'k', 5242880, 0)`, strangeId),
  },
  {
    name: 'the parts of an upload that is gone are noted',
    rule: 'leftOvers',
    says: /parts are noted of f{32}, which is gone/,
    plant: (store) => store.sql(`INSERT INTO upload_parts VALUES (?, 1, 1, 'x')`, strangeId),
  },
  {
    name: 'the bytes of an upload that is gone are there',
    rule: 'leftOvers',
    says: /the parts f{32} were never removed/,
    plant: (store) => leave(store, 'uploads', strangeId),
  },
  {
    name: 'a container has left its work',
    rule: 'leftOvers',
    says: /the work folder of job_gone was never removed/,
    plant: (store) => leave(store, 'work', 'local', 'job_gone', '1', 'spec.json'),
  },
  {
    name: 'the folder of a run belongs to none',
    rule: 'leftOvers',
    says: /the folder of the run run_gone is left over/,
    plant: (store) => leave(store, 'runs', 'run_gone', 'log'),
  },
];
