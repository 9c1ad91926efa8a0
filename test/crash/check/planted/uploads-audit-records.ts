import { isJob, isOf, named, tellsOf, type PlantedDamage } from './planted-damage.ts';

export const brokenUploads: readonly PlantedDamage[] = [
  {
    name: 'an upload stays open',
    rule: 'uploads',
    says: /the upload upl_\w+ stays open/,
    plant: (store) =>
      store.change(
        store.find('upload', () => true),
        { state: 'open' },
      ),
  },
  {
    name: 'an upload is not settled',
    rule: 'uploads',
    says: /is completed and not settled/,
    plant: (store) =>
      store.change(
        store.find('upload', ({ state }) => state === 'completed'),
        { settled: false },
      ),
  },
  {
    name: 'what an upload that was given up was for is published',
    rule: 'uploads',
    says: /what the given up upload upl_\w+ was for is published/,
    plant: (store) =>
      store.change(
        store.find('version', ({ state }) => state === 'rejected'),
        { state: 'published' },
      ),
  },
  {
    name: 'what a completed upload was for waits for it',
    rule: 'uploads',
    says: /what the completed upload upl_\w+ was for is a draft/,
    plant: (store) => store.change(store.find('version', isOf('shared-a', 2)), { state: 'draft' }),
  },
  {
    name: 'a dataset is never looked at',
    rule: 'uploads',
    says: /the dataset sums stays validating/,
    plant: (store) => store.change(store.find('dataset', named('sums')), { state: 'validating' }),
  },
];

export const brokenAudit: readonly PlantedDamage[] = [
  {
    name: 'a change that was acknowledged is not in the audit',
    rule: 'audit',
    says: /the audit lacks the adapter\.update of adapters\/notes by req_/,
    plant: (store) => store.remove(store.find('audit', tellsOf('adapter.update', /notes/))),
  },
  {
    name: 'the audit does not know who published a version',
    rule: 'audit',
    says: /the audit has 0 times version\.publish of adapters\/trained/,
    plant: (store) => store.remove(store.find('audit', tellsOf('version.publish', /trained/))),
  },
  {
    name: 'a call was done twice',
    rule: 'audit',
    says: /job\.create of jobs\/job_double was done by req_\w+, and nobody was told of it/,
    plant(store) {
      const row = store.find('audit', tellsOf('job.create', /jobs/));
      store.insert({ ...row, sort: `${row.sort}9`, value: { ...row.value, resource: 'jobs/job_double' } });
    },
  },
  {
    name: 'a change was overwritten by the one after it',
    rule: 'audit',
    says: /the adapter notes was changed 0 times; the audit has 1 changes/,
    plant: (store) => store.sql(`UPDATE records SET revision = 1 WHERE partition = 'local#adapter#notes'`),
  },
  {
    name: 'an alias moved, and the audit does not know it',
    rule: 'audit',
    says: /aliases moved \d+ times, and the audit has 1 moves/,
    plant: (store) => store.remove(store.find('audit', tellsOf('alias.set', /production/))),
  },
];

export const brokenRecords: readonly PlantedDamage[] = [
  {
    name: 'a record is not in its list',
    rule: 'records',
    says: /local#adapter#notes adapter is listed as null/,
    plant: (store) =>
      store.sql(
        `UPDATE records SET index1_partition = NULL, index1_sort = NULL WHERE partition = 'local#adapter#notes'`,
      ),
  },
  {
    name: 'a job that ended is looked after for ever',
    rule: 'records',
    says: /is listed second as ACTIVE#jobs/,
    plant(store) {
      const { partition } = store.find('job', isJob('train'));
      const text = `UPDATE records SET index2_partition = 'ACTIVE#jobs', index2_sort = 'x' WHERE partition = ? AND sort = 'job'`;
      store.sql(text, partition);
    },
  },
  {
    name: 'a record stands under the key of another',
    rule: 'records',
    says: /local#adapter#other holds what belongs to local#adapter#notes/,
    plant: (store) =>
      store.sql(`UPDATE records SET partition = 'local#adapter#other' WHERE partition = 'local#adapter#notes'`),
  },
  {
    name: 'there is a record of which nothing is known',
    rule: 'records',
    says: /nothing is known of records like local#strange#1 x/,
    plant: (store) => store.insert({ partition: 'local#strange#1', sort: 'x', value: {} }),
  },
];
