import { expect, test } from 'vitest';
import { idleCost } from './idle-cost.ts';
import { synthStage } from './synth-stage.ts';

const { all } = synthStage();

/** Dollars a month, all stacks of a stage together: the key that signs, which is one of them, alarms, and a sweep every five minutes. */
const idleDollarsMax = 2;

test('a planted NAT gateway is too dear', () => {
  const planted = { id: 'Planted', Type: 'AWS::EC2::NatGateway' };
  expect(idleCost([...all, planted])).toBeGreaterThan(idleDollarsMax);
});

test('a type whose price nobody has looked up is refused', () => {
  const planted = { id: 'Planted', Type: 'AWS::Redshift::Cluster' };
  expect(() => idleCost([...all, planted])).toThrow('AWS::Redshift::Cluster (Planted)');
});

test('a table that is paid by the hour is refused', () => {
  expect(() => idleCost([{ id: 'Planted', Type: 'AWS::DynamoDB::Table', Properties: {} }])).toThrow('by the hour');
});

test('a stage that nobody uses costs next to nothing, and most of that is the key that signs', () => {
  expect(idleCost(all)).toBeLessThan(idleDollarsMax);
  expect(idleCost(all.filter(({ Type }) => Type !== 'AWS::KMS::Key'))).toBeLessThan(1);
});

test('a second key is too dear', () => {
  expect(idleCost([...all, { id: 'Planted', Type: 'AWS::KMS::Key' }])).toBeGreaterThan(idleDollarsMax);
});
