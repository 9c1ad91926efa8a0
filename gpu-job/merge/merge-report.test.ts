import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { mergeCheck, roundingFindings } from './merge-report.ts';

const tensor = { name: 'm', updated: true, faults: 0, unstorable: 0, maxError: 0, bound: 1 };
const checkOf = (lost: number) =>
  mergeCheck({
    tensors: [{ ...tensor, update: 1, change: 0.81, lost: lost ** 2 }],
    copied: 3,
    files: {},
    findings: [],
    faults: [],
  });

test('rounding is warned about when it changed more of the update than the limit, not at it', () => {
  expect(roundingFindings(checkOf(limits.mergeRoundingWarning), 'keep')).toEqual([]);
  const [finding] = roundingFindings(checkOf(limits.mergeRoundingWarning * 1.01), 'bf16');
  expect(finding).toMatchObject({ severity: 'warning', code: 'merge-rounding' });
  expect(finding?.message).toMatch(/\(bf16\) changed the update by 10.1%: its length is now 90.0%/);
});

test('an update of nothing but zeros has no share that could survive', () => {
  const idle = { ...tensor, update: 0, change: 0, lost: 0 };
  const check = mergeCheck({
    tensors: [idle, { ...idle, updated: false }],
    copied: 0,
    files: {},
    findings: [],
    faults: [],
  });
  expect([check.survived, check.roundingError, check.updated, check.converted]).toEqual([null, null, 1, 1]);
  expect(roundingFindings(check, 'keep')).toEqual([]);
});
