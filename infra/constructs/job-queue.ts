import { Duration } from 'aws-cdk-lib';
import {
  JobQueue,
  JobStateTimeLimitActionsReason as Reason,
  type IComputeEnvironment,
  type ISchedulingPolicy,
} from 'aws-cdk-lib/aws-batch';
import { Construct } from 'constructs';

export interface TeamsQueueProps {
  readonly name: string;
  /** In the order in which they are tried. */
  readonly environments: readonly IComputeEnvironment[];
  readonly policy: ISchedulingPolicy;
}

/** A queue that gives every team its share, and lets go of what can never start. */
export class TeamsQueue extends Construct {
  constructor(scope: Construct, id: string, { name, environments, policy }: TeamsQueueProps) {
    super(scope, id);
    void new JobQueue(this, 'Queue', {
      jobQueueName: name,
      // one that has none from the beginning cannot get one later
      schedulingPolicy: policy,
      computeEnvironments: environments.map((computeEnvironment, at) => ({ computeEnvironment, order: at + 1 })),
      jobStateTimeLimitActions: limits.map(({ reason, maxTime }) => ({ reason, maxTime })),
    });
  }
}

/** How long a job waits at the head of its queue for what may come, and for what will not. */
const limits = [
  { reason: Reason.INSUFFICIENT_INSTANCE_CAPACITY, maxTime: Duration.hours(12) },
  { reason: Reason.COMPUTE_ENVIRONMENT_MAX_RESOURCE, maxTime: Duration.minutes(10) },
  { reason: Reason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(10) },
] as const;
