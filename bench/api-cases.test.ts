import { expect, test } from 'vitest';
import { operations } from '../shared/contract/operations.ts';
import { calls } from '../test/authorization/calls.ts';
import { afterwards, exempt, exemptOnAws, repetitions, untimed } from './api-cases.ts';

test('an operation without a case, and an exemption without an operation or a reason, are found', () => {
  const planted = [...operations, { operationId: 'planted' }];
  expect(untimed(planted, calls, exempt)).toEqual(['planted']);
  expect(untimed(planted, calls, { ...exempt, planted: '', gone: 'it was there once' })).toEqual(['planted', 'gone']);
  expect(untimed(planted, calls, { ...exempt, planted: 'it makes a call to another country' })).toEqual([]);
});

test('every operation of the contract is timed, and what is done after one belongs to one', () => {
  expect(untimed(operations, calls, exempt)).toEqual([]);
  expect(untimed(operations, calls, exemptOnAws)).toEqual([]);
  const known = new Set(operations.map(({ operationId }) => operationId));
  expect(Object.keys(afterwards).filter((id) => !known.has(id))).toEqual([]);
  expect(operations.every((operation) => repetitions(operation) > 0)).toBe(true);
});
