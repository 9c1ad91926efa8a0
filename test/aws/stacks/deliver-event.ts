import {
  ListRulesCommand,
  ListTargetsByRuleCommand,
  TestEventPatternCommand,
  type Rule,
} from '@aws-sdk/client-eventbridge';
import type { JobDetail } from '@aws-sdk/client-batch';
import { accountId, region } from '../targets.ts';
import { invoke, type Account } from './account.ts';

type EventClients = Pick<Account, 'events' | 'lambda'>;

/**
 * Hands an event of an AWS service to the functions whose rules on the default bus take it. Nobody but AWS may put such an event on a bus,
 * on the emulator neither; whether a rule takes it, EventBridge says. Answers the ARNs of the functions that were called.
 */
export async function deliverEvent(clients: EventClients, event: object): Promise<readonly string[]> {
  const { Rules = [] } = await clients.events.send(new ListRulesCommand({}));
  const taking: Rule[] = [];
  for (const rule of Rules)
    if (rule.EventPattern !== undefined && (await takes(clients, rule, event))) taking.push(rule);
  return (await Promise.all(taking.map((rule) => callTargets(clients, rule, event)))).flat();
}

/** Calls what a schedule calls, and waits for its end. */
export async function runSchedule(clients: EventClients): Promise<readonly string[]> {
  const { Rules = [] } = await clients.events.send(new ListRulesCommand({}));
  const scheduled = Rules.filter(({ ScheduleExpression }) => ScheduleExpression !== undefined);
  const event = {
    ...envelope('Scheduled Event', 'aws.events'),
    resources: scheduled.map(({ Arn }) => Arn),
    detail: {},
  };
  return (await Promise.all(scheduled.map((rule) => callTargets(clients, rule, event)))).flat();
}

/** What Batch tells EventBridge of a job: as it describes it, with the queue by its ARN. */
export function batchEvent(detail: JobDetail): object {
  const arn = (rest: string): string => `arn:aws:batch:${region}:${accountId}:${rest}`;
  return {
    ...envelope('Batch Job State Change', 'aws.batch'),
    resources: [arn(`job/${detail.jobId}`)],
    detail: { ...detail, jobQueue: arn(`job-queue/${detail.jobQueue}`) },
  };
}

function envelope(type: string, source: string): object {
  const time = new Date().toISOString();
  return {
    version: '0',
    id: 'c8f9c4b5-76e5-d76a-f980-7011e206042b',
    'detail-type': type,
    source,
    account: accountId,
    time,
    region,
  };
}

async function takes({ events }: EventClients, { EventPattern }: Rule, event: object): Promise<boolean> {
  const { Result } = await events.send(new TestEventPatternCommand({ EventPattern, Event: JSON.stringify(event) }));
  return Result === true;
}

async function callTargets({ events, lambda }: EventClients, rule: Rule, event: object): Promise<readonly string[]> {
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
  const arns = Targets.map(({ Arn = '' }) => Arn);
  for (const arn of arns) await invoke(lambda, arn, event);
  return arns;
}
