import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetFunctionConfigurationCommand, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { HeadBucketCommand, PutBucketTaggingCommand } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { Adapter } from '../../../shared/contract/adapters.ts';
import { eventually, failureOf } from '../../platform-suite/suite.ts';
import { accountId, region } from '../targets.ts';
import { moveTo } from './deploy-cases.ts';
import { told } from './flow-cases.ts';
import { runSchedule } from './deliver-event.ts';
import type { StackCase } from './site.ts';
import type { Template } from './stage-commands.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';
import { join } from 'node:path';

/** What operators do later, and what would be seen if a template lacked something. */
export const changeCases: readonly StackCase[] = [
  {
    name: 'changes: a setting that is changed is deployed and seen: merging leaves GPUs alone',
    async run(site) {
      const { account, anna, running } = site;
      const deployed = await account.commands.deploy(['app'], { mergeOn: 'cpu' });
      expect(deployed.code, deployed.err + deployed.out).toBe(0);
      await moveTo(site, deployed.err + deployed.out);
      const { Environment } = await configuration(account.lambda, 'jobs');
      expect(Environment?.Variables).toMatchObject({ LORARY_MERGE_ON: 'cpu' });
      const merged = await anna.run(['merge', '--adapter', 'sent', '--output', 'cheap']);
      expect(merged.code, await told(running, merged.err)).toBe(0);
      expect(running.batch.jobs.at(-1)?.detail.jobQueue).toBe('lorary-suite-cpu');
    },
  },
  {
    name: 'faults: a right, a route and a setting that a template lacks are missed by the flows that need them, and come back with them',
    async run({ account, anna }) {
      /** Exit codes of a flow that needs the right, one that needs the route and one that needs the setting. */
      const codes = async (alias: string): Promise<(number | null)[]> => {
        const flows = [['alias', 'sent@1', alias], ['data', 'ls'], ['jobs']];
        return (await Promise.all(flows.map((flow) => anna.run(flow)))).map(({ code }) => code);
      };
      expect(await codes('before')).toEqual([0, 0, 0]);
      await account.commands.deployChanged('app', (template) => {
        takeRight(template, 'adapters', 'dynamodb:PutItem');
        takeRoutes(template, '/v1/datasets');
        takeSetting(template, 'jobs', 'LORARY_TABLE');
      });
      for (const code of await codes('without')) expect(code).not.toBe(0);
      await account.commands.deployChanged('app');
      expect(await codes('after')).toEqual([0, 0, 0]);
    },
  },
  {
    name: 'faults: an event that its function fails on is kept in its queue, and the reconciler has the upload looked at all the same',
    async run({ account, anna, running }) {
      await account.commands.deployChanged('app', (template) => takeSetting(template, 'validator', 'LORARY_BUCKET'));
      await writeTinyAdapter(join(anna.folder, 'folders', 'late'), { seed: 3 });
      const pushing = anna.run(['push', 'folders/late', '--base', 'tiny']);
      // the emulator's bus calls a function once; the way by which AWS's calls it has tries and a queue
      const event = { source: 'lorary', detail: { type: 'upload-completed', team: 'blue', uploadId: 'upl_1' } };
      const Payload = Buffer.from(JSON.stringify(event));
      const call = { FunctionName: 'lorary-suite-validator', InvocationType: 'Event', Payload } as const;
      await account.lambda.send(new InvokeCommand(call));
      const letters = await eventually({ patienceSeconds: 60 }, () => lettersOf(account.endpoint.url), hasOne);
      expect(letters).toEqual([expect.stringContaining('upl_1')]);
      await account.commands.deployChanged('app');
      await runSchedule(account);
      const pushed = await pushing;
      expect(pushed.code, await told(running, pushed.err)).toBe(0);
      expect(pushed.out).toContain('late@1');
    },
  },
  {
    name: 'changes: a stage that is taken down keeps its table, bucket and key, and goes on with them when it is deployed again',
    async run(site) {
      const { account, anna, consoleBucket, key } = site;
      const kept = await account.commands.cdk('destroy', 'data', '--force');
      expect(kept.code, kept.out).not.toBe(0);
      expect(kept.err + kept.out).toMatch(/TerminationProtection is enabled/i);
      await account.s3.send(new HeadBucketCommand({ Bucket: consoleBucket }));
      const gone = await account.commands.destroy();
      expect(gone.code, gone.err + gone.out).toBe(0);
      expect(gone.err).toContain('Files of the console deleted: 1\n');
      expect(String(await failureOf(account.s3.send(new HeadBucketCommand({ Bucket: consoleBucket }))))).toMatch(
        /NotFound/,
      );
      expect(String(await failureOf(configuration(account.lambda, 'jobs')))).toContain('not found');
      expect(await anna.run(['ls'])).not.toMatchObject({ code: 0 });
      await account.dynamo.send(new DescribeTableCommand({ TableName: 'lorary-suite' }));
      await account.s3.send(new HeadBucketCommand({ Bucket: bucketName }));
      expect(await account.kms.send(new DescribeKeyCommand({ KeyId: alias }))).toMatchObject({
        KeyMetadata: { Enabled: true },
      });

      const again = await account.commands.deploy(['app']);
      expect(again.code, again.err + again.out).toBe(0);
      await moveTo(site, again.err + again.out);
      expect(await anna.run(['login', '--url', site.apiUrl, '--key', key])).toMatchObject({ code: 0 });
      const { adapters } = await anna.json<{ adapters: Adapter[] }>(['ls']);
      expect(adapters.map(({ name }) => name)).toEqual(expect.arrayContaining(['sent', 'sums', 'both', 'late']));
      expect(await anna.run(['pull', 'both', '--output', 'again'])).toMatchObject({ code: 0 });
    },
  },
  {
    name: 'changes: a stage is taken down with all that it keeps, when its name was given',
    async run({ account }) {
      const refused = await account.commands.destroy('--data', '--confirm', 'dev');
      expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('nothing was done')]);
      const { KeyMetadata } = await account.kms.send(new DescribeKeyCommand({ KeyId: alias }));
      // the emulator changes no tags of a bucket that is there; without this one the CDK's function empties none
      const TagSet = [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }];
      await account.s3.send(new PutBucketTaggingCommand({ Bucket: bucketName, Tagging: { TagSet } }));
      const gone = await account.commands.destroy('--data', '--confirm', 'suite');
      expect(gone.code, gone.err + gone.out).toBe(0);
      expect(gone.err).toContain('Files of the console deleted: 0\n');
      const table = new DescribeTableCommand({ TableName: 'lorary-suite' });
      expect(String(await failureOf(account.dynamo.send(table)))).toContain('not found');
      expect(String(await failureOf(account.s3.send(new HeadBucketCommand({ Bucket: bucketName }))))).toMatch(
        /NotFound/,
      );
      // until it is gone it can be taken back
      const key = await account.kms.send(new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId }));
      expect(key).toMatchObject({ KeyMetadata: { KeyState: 'PendingDeletion' } });
      expect(String(await failureOf(account.kms.send(new DescribeKeyCommand({ KeyId: alias }))))).toMatch(/NotFound/);
    },
  },
];

const alias = 'alias/lorary-suite';

const bucketName = `lorary-suite-${accountId}-${region}`;

const configuration = (lambda: LambdaClient, name: string) =>
  lambda.send(new GetFunctionConfigurationCommand({ FunctionName: `lorary-suite-${name}` }));

interface FunctionProperties {
  readonly FunctionName: string;
  readonly Role: { readonly 'Fn::GetAtt': readonly [string, ...string[]] };
  readonly Environment: { readonly Variables: Record<string, unknown> };
}

function functionIn({ Resources }: Template, name: string): FunctionProperties {
  const all = Object.values(Resources).map(({ Properties }) => Properties as unknown as FunctionProperties);
  const found = all.find(({ FunctionName }) => FunctionName === `lorary-suite-${name}`);
  if (!found) throw new Error(`the template has no function ${name}`);
  return found;
}

function takeSetting(template: Template, name: string, variable: string): void {
  delete functionIn(template, name).Environment.Variables[variable];
}

function takeRight(template: Template, name: string, action: string): void {
  const role = functionIn(template, name).Role['Fn::GetAtt'][0];
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== 'AWS::IAM::Policy' || !JSON.stringify(Properties['Roles']).includes(`"${role}"`)) continue;
    const { PolicyDocument } = Properties as unknown as {
      PolicyDocument: { Statement: { Action: string | string[] }[] };
    };
    for (const statement of PolicyDocument.Statement)
      statement.Action = [statement.Action].flat().filter((one) => one !== action);
  }
}

function takeRoutes(template: Template, path: string): void {
  for (const [id, { Type, Properties }] of Object.entries(template.Resources))
    if (Type === 'AWS::ApiGatewayV2::Route' && String(Properties['RouteKey']).startsWith(`ANY ${path}`))
      delete template.Resources[id];
}

/** What lies in the queues of the account, from the emulator's own look into them. */
async function lettersOf(url: string): Promise<readonly string[]> {
  const found = JSON.stringify(await (await fetch(new URL('/_ministack/sqs/messages', url))).json());
  return /"Body"/.test(found) ? [found] : [];
}

const hasOne = (letters: readonly string[]): boolean => letters.length > 0;
