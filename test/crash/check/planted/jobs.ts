import type { Value } from './damaged-store.ts';
import { chunkOfTraining, isJob, isOf, named, type PlantedDamage } from './planted-damage.ts';

export const brokenJobs: readonly PlantedDamage[] = [
  {
    name: 'a job stays running',
    rule: 'jobs',
    says: /the job job_\w+ stays running/,
    plant: (store) => store.change(store.find('job', isJob('export')), { state: 'running' }),
  },
  {
    name: 'a job has lost a part of its stream',
    rule: 'jobs',
    says: /line \d+ of the stream is missing/,
    plant: (store) => store.remove(chunkOfTraining(store, (text) => text.includes('"running"'))),
  },
  {
    name: 'a job ended twice',
    rule: 'jobs',
    says: /told 2 ends and was resumed 0 times/,
    plant: (store) => {
      const row = chunkOfTraining(store, (text) => text.includes('"succeeded"'));
      const events = row.value['events'] as { readonly id: number }[];
      const last = events.at(-1);
      store.change(row, { events: [...events, { ...last, id: (last?.id ?? 0) + 1 }] });
    },
  },
  {
    name: 'a job went on after its end',
    rule: 'jobs',
    says: /went on after its end: queued, succeeded, succeeded/,
    plant: (store) => {
      const row = chunkOfTraining(store, (text) => text.includes('"running"'));
      store.change(row, JSON.parse(JSON.stringify(row.value).replace('"running"', '"succeeded"')) as Value);
    },
  },
  {
    name: 'a job tells of a change that the audit does not know',
    rule: 'jobs',
    says: /told 2 changes, the audit has 1/,
    plant(store) {
      const { value } = store.find('job', isJob('train'));
      const resource = `jobs/${String(value['id'])}`;
      store.remove(store.find('audit', (row) => row['resource'] === resource && row['action'] === 'job.claim'));
    },
  },
  {
    name: 'a job has made two versions',
    rule: 'jobs',
    says: /has made 2 versions/,
    plant(store) {
      const row = store.find('version', isOf('trained', 1));
      store.insert({ ...row, partition: 'local#version#ver_second', value: { ...row.value, id: 'ver_second' } });
    },
  },
  {
    name: 'what a job has trained is not there',
    rule: 'jobs',
    says: /has published no version/,
    plant: (store) => store.remove(store.find('version', isOf('trained', 1))),
  },
  {
    name: 'what a job has exported is not there',
    rule: 'jobs',
    says: /has exported nothing that is there/,
    plant(store) {
      const { partition } = store.find('job', isJob('export'));
      store.remove({ partition, sort: 'delivery' });
    },
  },
  {
    name: 'a base that was imported is not ready',
    rule: 'jobs',
    says: /the base tiny of job_\w+ is not ready/,
    plant: (store) => store.change(store.find('base', named('tiny')), { state: 'importing' }),
  },
  {
    name: 'a job has no report',
    rule: 'jobs',
    says: /has no report/,
    plant: (store) => store.change(store.find('job', isJob('evaluate')), { report: null }),
  },
  {
    name: 'a job that ended says no reason',
    rule: 'jobs',
    says: /has no reason/,
    plant: (store) => store.change(store.find('job', isJob('evaluate')), { reason: '' }),
  },
  {
    name: 'a container is said to run',
    rule: 'jobs',
    says: /the run run_\w+ of job_\w+ is running/,
    plant: (store) => store.sql(`UPDATE runs SET state = 'running' WHERE sequence = 1`),
  },
  {
    name: 'a container works for no job',
    rule: 'jobs',
    says: /the run run_\w+ belongs to no job/,
    plant: (store) => store.sql(`UPDATE runs SET job_id = 'job_none' WHERE sequence = 1`),
  },
];
