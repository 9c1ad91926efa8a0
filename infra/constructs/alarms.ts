import { Aws, Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { Settings } from '../settings.ts';

export interface AlarmOptions {
  readonly metric: IMetric;
  /** Rings when as many, or more, are counted in a period. */
  readonly threshold: number;
  /** Periods in a row; 1 when absent. */
  readonly periods?: number;
  /** What has happened, in a sentence. */
  readonly what: string;
  /** Heading of `docs/runbook.md` that says what to do, as its anchor. */
  readonly section: string;
}

/** What wakes people: each alarm says what has happened and where it is written what to do. */
export class Alarms extends Construct {
  readonly #topic: Topic;
  readonly #runbookUrl: string;

  constructor(scope: Construct, id: string, { alarmEmail, runbookUrl }: Pick<Settings, 'alarmEmail' | 'runbookUrl'>) {
    super(scope, id);
    this.#runbookUrl = runbookUrl;
    // not encrypted with the key that AWS manages, because alarms may not use that one; one of our own is billed by the month
    this.#topic = new Topic(this, 'Topic', { enforceSSL: true });
    // a policy of its own takes the place of the one by which alarms of the account may publish
    this.#topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsPublish',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.#topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
    if (alarmEmail !== undefined) this.#topic.addSubscription(new EmailSubscription(alarmEmail));
  }

  add(id: string, { metric, threshold, periods = 1, what, section }: AlarmOptions): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${what} What to do: ${this.#runbookUrl}#${section}`,
    });
    alarm.addAlarmAction(new SnsAction(this.#topic));
  }
}

/** A count of one of AWS's metrics over five minutes. */
export function count(namespace: string, metricName: string, dimensionsMap: Record<string, string> = {}): Metric {
  return new Metric({ namespace, metricName, dimensionsMap, statistic: Stats.SUM, period: Duration.minutes(5) });
}
