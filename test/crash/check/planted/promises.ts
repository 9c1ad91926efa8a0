import { inState, isJob, isOf, named, type PlantedDamage } from './planted-damage.ts';
import type { FoundRow, Value } from './damaged-store.ts';

export const brokenPromises: readonly PlantedDamage[] = [
  {
    name: 'an adapter is gone',
    rule: 'promises',
    says: /the adapter notes is not there/,
    plant: (store) => store.remove(store.find('adapter', named('notes'))),
  },
  {
    name: 'a deleted adapter is back',
    rule: 'promises',
    says: /the adapter gone is .*acknowledged was null/,
    plant: (store) => {
      const { value } = store.find('adapter', named('notes'));
      store.insert({ partition: 'local#adapter#gone', sort: 'adapter', value: { ...value, name: 'gone' } });
    },
  },
  {
    name: 'an adapter is as it was before its last change',
    rule: 'promises',
    says: /the adapter notes is .*"first".*acknowledged was .*"second"/,
    plant: (store) => store.change(store.find('adapter', named('notes')), { description: 'first' }),
  },
  {
    name: 'a version has another number',
    rule: 'promises',
    says: /has the number 7, not 2/,
    plant: (store) => store.change(store.find('version', isOf('shared-a', 2)), { version: 7 }),
  },
  {
    name: 'a version has lost a file',
    rule: 'promises',
    says: /has other files/,
    plant: (store) => {
      const row = store.find('version', isOf('shared-a', 2));
      store.change(row, { files: (row.value['files'] as object[]).slice(1) });
    },
  },
  {
    name: 'a withdrawn version is published again',
    rule: 'promises',
    says: /no longer withdrawn/,
    plant: (store) => store.change(store.find('version', inState('withdrawn')), { state: 'published' }),
  },
  {
    name: 'a revoked key is not revoked',
    rule: 'promises',
    says: /is revoked no longer/,
    plant: (store) => store.change(store.find('KEY', named('revoked')), { revokedAt: null }),
  },
  {
    name: 'a step of an alias leads elsewhere',
    rule: 'promises',
    says: /step 1 of adp_.*'s production leads to 2/,
    plant: (store) => {
      const isFirst = (_: Value, { partition, sort }: FoundRow): boolean =>
        partition.endsWith('#production') && Number(sort) === 1;
      store.change(store.find('alias-history', isFirst), { version: 2 });
    },
  },
  {
    name: 'an upload that was completed is given up',
    rule: 'promises',
    says: /is aborted, not completed/,
    plant: (store) => store.change(store.find('upload', inState('completed')), { state: 'aborted' }),
  },
  {
    name: 'an upload is gone',
    rule: 'promises',
    says: /is missing, not completed/,
    plant: (store) => store.remove(store.find('upload', inState('completed'))),
  },
  {
    name: 'a job is gone',
    rule: 'promises',
    says: /the job job_\w+ is missing/,
    plant: (store) => store.remove(store.find('job', isJob('export'))),
  },
  {
    name: 'a job that succeeded says that it failed',
    rule: 'promises',
    says: /is failed, not succeeded/,
    plant: (store) => store.change(store.find('job', isJob('export')), { state: 'failed' }),
  },
  {
    name: 'a job has another result than it said',
    rule: 'promises',
    says: /not succeeded with/,
    plant: (store) => store.change(store.find('job', isJob('train')), { output: { version: 9 } }),
  },
  {
    name: 'a job was resumed, and was not',
    rule: 'promises',
    says: /was not resumed/,
    plant: (store) => store.change(store.find('job', isJob('evaluate')), { attempt: 1 }),
  },
];
