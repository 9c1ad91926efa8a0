import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gpuClasses } from '../../infra/instance-families.ts';
import { parseSettings, readSettings } from '../../infra/settings.ts';
import { DomainError } from '../../shared/errors.ts';

const dev = readSettings('dev');

function findingsOf(value: unknown): string[] {
  try {
    parseSettings(value, 'a test');
    return [];
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where }) => where ?? '');
    throw error;
  }
}

test('refuses settings with all that is wrong', () => {
  const wrong = {
    ...dev,
    stage: 'Dev!',
    region: 'nowhere',
    gpuFamilies: ['t3'],
    gpuImage: { uri: 'repo/name:latest' },
  };
  expect(findingsOf(wrong)).toEqual(expect.arrayContaining(['stage', 'region', 'gpuFamilies.0', 'gpuImage.uri']));
});

test('refuses zones of another region, unknown words and a stage without a file', () => {
  expect(findingsOf({ ...dev, availabilityZones: ['eu-west-1a'] })).toEqual(['availabilityZones']);
  expect(findingsOf({ ...dev, gpuFamily: 'g5' })).toHaveLength(1);
  expect(() => readSettings('nowhere')).toThrow('infra/stages/nowhere.json');
});

test('settings may lie in another folder, which is then the only one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-stages-'));
  await writeFile(join(folder, 'mine.json'), JSON.stringify({ ...dev, stage: 'mine' }));
  expect(readSettings('mine', folder)).toEqual({ ...dev, stage: 'mine' });
  expect(() => readSettings('dev', folder)).toThrow(join(folder, 'dev.json'));
  await rm(folder, { recursive: true });
});

test('takes prices of the machines that it has, and refuses others, free ones and those of no day', () => {
  const asOf = '2026-12-24';
  const findings = (prices: unknown): string[] => findingsOf({ ...dev, gpuFamilies: ['g5'], prices });
  expect(findings({ asOf, dollarsPerHour: { cpu: 0.2, 'gpu-24': 1000 } })).toEqual([]);
  expect(findings({ asOf, dollarsPerHour: { 'gpu-48': 1 } })).toEqual(['prices.dollarsPerHour.gpu-48']);
  expect(findings({ asOf: 'today', dollarsPerHour: { cpu: 0, 'gpu-24': 1000.01 } }).toSorted()).toEqual([
    'prices.asOf',
    'prices.dollarsPerHour.cpu',
    'prices.dollarsPerHour.gpu-24',
  ]);
  expect(findings({ asOf, dollarsPerHour: { 'gpu-12': 1 } })).toEqual(['prices.dollarsPerHour']);
});

test('takes an image by its digest', () => {
  expect(findingsOf({ ...dev, gpuImage: { uri: `host/lorary@sha256:${'0'.repeat(64)}` } })).toEqual([]);
});

test('machines with the same GPU memory are one class, smallest first', () => {
  expect(gpuClasses(['g6e', 'g6', 'g5', 'g5']).map(({ gpuMemoryGigabytes }) => gpuMemoryGigabytes)).toEqual([24, 48]);
  expect(gpuClasses(dev.gpuFamilies).map(({ gpuMemoryGigabytes }) => gpuMemoryGigabytes)).toEqual([16, 24, 48, 80]);
  expect(gpuClasses(['g6', 'g5'])[0]?.instanceTypes).toContain('g5.xlarge');
});
