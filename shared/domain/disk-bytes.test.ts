import { expect, test } from 'vitest';
import { singleRequestSchema } from '../contract/job-requests.ts';
import { jobDiskBytes, type DiskSubject } from './disk-bytes.ts';

const subject = (request: object, changes: Partial<DiskSubject> = {}): DiskSubject => ({
  request: singleRequestSchema.parse(request),
  baseBytes: 1000,
  datasets: [],
  adapterParameters: [],
  trained: 0,
  ...changes,
});
const train = { kind: 'train', base: 'smol', dataset: 'rows', output: { adapter: 'mine' } };
const rows = { rows: 10, sizeBytes: 4000 };

test('a run needs its base, its rows twice, its checkpoints and its result', () => {
  expect(jobDiskBytes(subject(train, { datasets: [rows], trained: 7 }))).toBe(
    1000 + 4000 + (4000 + 120) + 4 * 7 * (3 * 3 + 1),
  );
  const held = { rows: 1, sizeBytes: 40 };
  const more = (datasets: DiskSubject['datasets']): number => jobDiskBytes(subject(train, { datasets }));
  expect(more([rows, held]) - more([rows])).toBe(40 + 40 + 12);
  const kept = (changes: object): number => jobDiskBytes(subject({ ...train, ...changes }, { trained: 1 })) - 1000;
  expect(kept({ checkpoint: { keep: 5 } })).toBe(4 * (3 * 6 + 1));
  expect(kept({ evaluation: { keep: 'best' } })).toBe(4 * (4 * 3 + 1));
  expect(kept({ evaluation: { patience: 2 } })).toBe(4 * (4 * 3 + 1));
  expect(kept({ evaluation: { patience: 2, keep: 'last' } })).toBe(4 * (3 * 3 + 1));
});

test('other jobs need what they read and what they make', () => {
  const adapterParameters = [5, 6];
  const bytes = (request: object, datasets: DiskSubject['datasets'] = []): number =>
    jobDiskBytes(subject(request, { adapterParameters, datasets }));
  expect(bytes({ kind: 'evaluate', base: 'smol', dataset: 'rows' }, [rows])).toBe(1000 + 44 + 4000 + 4120);
  expect(bytes({ kind: 'generate', base: 'smol', prompts: [{ prompt: 'a' }] })).toBe(1044);
  expect(bytes({ kind: 'merge', adapter: 'mine', output: { base: 'new' } })).toBe(2044);
});
