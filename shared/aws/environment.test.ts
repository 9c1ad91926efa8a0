import { expect, test } from 'vitest';
import { isOnAws, readAwsSettings } from './environment.ts';

const whole = { LORARY_TABLE: 't', LORARY_BUCKET: 'b', LORARY_EVENT_BUS: 'e' };

test('everything that is missing or malformed is said at once', () => {
  const classes = JSON.stringify([{ queue: '', jobDefinition: 'x', gpu: 1 }]);
  try {
    readAwsSettings({ LORARY_TABLE: 't', LORARY_JOB_CLASSES: classes });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-setting' });
    const { findings } = error as { findings: { where: string }[] };
    expect(findings.map(({ where }) => where)).toEqual([
      'LORARY_BUCKET',
      'LORARY_EVENT_BUS',
      'LORARY_JOB_CLASSES.0.queue',
      'LORARY_JOB_CLASSES.0',
    ]);
  }
  expect(() => readAwsSettings({ ...whole, LORARY_JOB_CLASSES: 'not json' })).toThrow(/LORARY_JOB_CLASSES/);
});

test('a process without classes starts no jobs, and an endpoint of one host has paths', () => {
  const settings = { table: 't', bucket: 'b', eventBus: 'e', jobClasses: [], pathStyle: false };
  expect(readAwsSettings(whole)).toEqual(settings);
  expect(readAwsSettings({ ...whole, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }).pathStyle).toBe(true);
  const classes = [{ queue: 'q', jobDefinition: 'd', gpuMemoryBytes: 5 }];
  expect(readAwsSettings({ ...whole, LORARY_JOB_CLASSES: JSON.stringify(classes) }).jobClasses).toEqual(classes);
});

test('a process is on AWS when it is told a table', () => {
  expect([isOnAws(whole), isOnAws({}), isOnAws({ LORARY_TABLE: '' })]).toEqual([true, false, false]);
});
