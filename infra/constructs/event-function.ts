import { Duration } from 'aws-cdk-lib';
import { Rule, type RuleProps } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { EventInvokeConfig, type IDestination } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { ApiFunction, type ApiFunctionProps } from './api-function.ts';

/** A function that works on events, and the queue of those that it could not work on. */
export class EventFunction extends Construct {
  readonly worker: ApiFunction;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: ApiFunctionProps) {
    super(scope, id);
    this.worker = new ApiFunction(this, 'Worker', props);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(
      this.deadLetters,
      'AwsSolutions-SQS3',
      'It is itself where events go that were given up on; people take them out of it.',
    );
    // fails after two more tries, or when there was no room for it in an hour; the reconciler has found the work by then
    const config = new EventInvokeConfig(this, 'Tries', {
      function: this.worker.function,
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
      onFailure: destination(this.deadLetters),
    });
    config.node.addDependency(this.worker);
  }

  /** Has the function called for what the rule matches; what cannot be delivered goes where the failed events go. */
  on(id: string, rule: Pick<RuleProps, 'eventBus' | 'eventPattern' | 'schedule' | 'description'>): Rule {
    const target = new LambdaFunction(this.worker.function, {
      deadLetterQueue: this.deadLetters,
      maxEventAge: Duration.hours(1),
      retryAttempts: 8,
    });
    return new Rule(this, id, { ...rule, targets: [target] });
  }
}

/** The destination of the library gives the function two rights more, which only whoever looks for a queue needs. */
function destination(queue: Queue): IDestination {
  return {
    bind(_scope, from) {
      queue.grant(from, 'sqs:SendMessage');
      return { destination: queue.queueArn };
    },
  };
}
