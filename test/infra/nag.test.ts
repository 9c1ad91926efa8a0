import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { expect, onTestFinished, test } from 'vitest';
import { synthStage } from './synth-stage.ts';

const { app } = synthStage({}, { rules: true });

/** `path rule` of every resource that breaks a rule. */
function findingsOf(scope: IConstruct, pack = new AwsSolutionsChecks()): string[] {
  const { violations } = pack.validateScope(scope);
  return violations
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath = '' }) => `${constructPath} ${ruleName}`),
    )
    .toSorted();
}

interface Acknowledged {
  readonly at: IConstruct;
  readonly rule: string;
  readonly reason: string;
}

const acknowledged: readonly Acknowledged[] = app.node
  .findAll()
  .flatMap((at) =>
    at.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ at, rule: id.replace(/^annotation::/i, ''), reason })),
  )
  .filter(({ rule }) => rule.startsWith('AwsSolutions-'));

test('no resource breaks a rule without a reason', () => {
  expect(findingsOf(app)).toEqual([]);
});

test('a planted public bucket is found', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'lorary-nag-'));
  onTestFinished(() => rmSync(outdir, { recursive: true }));
  const stack = new Stack(new App({ outdir }), 'Stack');
  void new CfnBucket(stack, 'Planted');
  expect(findingsOf(stack)).toContain('Stack/Planted AwsSolutions-S10');
});

test('each acknowledgement stands on one resource, says why and is needed', () => {
  for (const { at, reason } of acknowledged) {
    expect(CfnResource.isCfnResource(at), at.node.path).toBe(true);
    expect(reason.length, at.node.path).toBeGreaterThan(40);
  }
  const blind = Object.assign(new AwsSolutionsChecks(), { isAcknowledged: () => false });
  expect(acknowledged.map(({ at, rule }) => `${at.node.path} ${rule}`).toSorted()).toEqual(findingsOf(app, blind));
});
