import { expect, test } from 'vitest';
import { isAllowed, readStatements } from '../../test/support/iam.ts';
import { limits } from '../limits.ts';
import { teamPolicy } from './team-policy.ts';

const roleArn = 'arn:aws:iam::123456789012:role/lorary-dev-job-data';
const options = { team: 'blue', table: 'lorary-dev', bucket: 'lorary-dev-b', roleArn };
const statements = readStatements(JSON.parse(teamPolicy(options)));

const table = 'arn:aws:dynamodb:eu-west-1:123456789012:table/lorary-dev';
const bucket = 'arn:aws:s3:::lorary-dev-b';

const allows = (action: string, resource: string, context: Readonly<Record<string, readonly string[]>> = {}): boolean =>
  isAllowed(statements, { action, resource, context });

const keysOf = (...partitions: string[]) => ({ 'dynamodb:LeadingKeys': partitions });

test('reaches the records of its team and of no other', () => {
  for (const action of ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'].map((name) => `dynamodb:${name}`)) {
    expect(allows(action, table, keysOf('blue#job#job_1'))).toBe(true);
    for (const foreign of ['red#job#job_1', 'blue2#job#job_1', 'KEY#k', 'SECRET#cursor', 'RUN#run_1'])
      expect(allows(action, table, keysOf(foreign)), `${action} ${foreign}`).toBe(false);
    expect(allows(action, table, keysOf('blue#job#job_1', 'red#job#job_1'))).toBe(false);
    expect(allows(action, table)).toBe(false);
    expect(allows(action, `${table}-other`, keysOf('blue#job#job_1'))).toBe(false);
  }
  expect(allows('dynamodb:Query', `${table}/index/index1`, keysOf('blue#versions#adp_1'))).toBe(false);
  expect(allows('dynamodb:Scan', table, keysOf('blue#job'))).toBe(false);
});

test('remembers its transactions, and cannot forget those of others', () => {
  expect(allows('dynamodb:PutItem', table, keysOf('blue#job#job_1', 'TOKEN#t'))).toBe(true);
  expect(allows('dynamodb:DeleteItem', table, keysOf('TOKEN#t'))).toBe(false);
  expect(allows('dynamodb:Query', table, keysOf('TOKEN#t'))).toBe(false);
});

test('reaches the objects of its team and of no other, and deletes only what a job left', () => {
  for (const action of ['s3:GetObjectVersion', 's3:PutObject']) {
    expect(allows(action, `${bucket}/blue/versions/ver_1/files/x`)).toBe(true);
    expect(allows(action, `${bucket}/red/versions/ver_1/files/x`)).toBe(false);
    expect(allows(action, `${bucket}/blue2/x`)).toBe(false);
  }
  expect(allows('s3:ListBucketVersions', bucket, { 's3:prefix': ['blue/jobs/job_1/'] })).toBe(true);
  expect(allows('s3:ListBucketVersions', bucket, { 's3:prefix': ['red/'] })).toBe(false);
  expect(allows('s3:ListBucketVersions', bucket)).toBe(false);
  expect(allows('s3:DeleteObjectVersion', `${bucket}/blue/jobs/job_1/checkpoint/x`)).toBe(true);
  expect(allows('s3:DeleteObjectVersion', `${bucket}/blue/versions/ver_1/files/x`)).toBe(false);
});

test('reads the versions of other teams that it is given, and nothing else of theirs', () => {
  const readable = ['red/versions/ver_1/', 'green/versions/ver_2/'];
  const given = readStatements(JSON.parse(teamPolicy({ ...options, readable })));
  const may = (action: string, path: string): boolean =>
    isAllowed(given, { action: `s3:${action}`, resource: `${bucket}/${path}`, context: {} });
  for (const path of ['red/versions/ver_1/files/x', 'red/versions/ver_1/checks.json', 'green/versions/ver_2/files/x'])
    expect([may('GetObjectVersion', path), may('PutObject', path), may('DeleteObjectVersion', path)], path).toEqual([
      true,
      false,
      false,
    ]);
  for (const path of [
    'red/versions/ver_2/files/x',
    'red/versions/ver_11/files/x',
    'red/datasets/dat_1/data.jsonl',
    'green/versions/ver_1/files/x',
  ])
    expect(may('GetObjectVersion', path), path).toBe(false);
  const records = { action: 'dynamodb:GetItem', resource: table, context: keysOf('red#version#ver_1') };
  expect(isAllowed(given, records)).toBe(false);
});

test('a team or a place that is a pattern is our bug, and the longest fits what STS takes', () => {
  expect(() => teamPolicy({ ...options, team: '*' })).toThrow('plain text');
  for (const place of ['*', 'red/versions/*/', 'red/versions/ver_1', 'red/datasets/dat_1/', 'red/versions/ver_1/../'])
    expect(() => teamPolicy({ ...options, readable: [place] }), place).toThrow('plain text');
  const longest = { ...options, team: 't'.repeat(40), table: 'l'.repeat(24), bucket: 'b'.repeat(63) };
  const places = (count: number): string[] =>
    Array.from({ length: count }, () => `${'o'.repeat(40)}/versions/ver_${'x'.repeat(16)}/`);
  const lengthOf = (count: number): number => teamPolicy({ ...longest, readable: places(count) }).length;
  expect(lengthOf(limits.sharedVersionsMax)).toBeLessThanOrEqual(2048);
  expect(lengthOf(limits.sharedVersionsMax + 1)).toBeGreaterThan(2048);
});
