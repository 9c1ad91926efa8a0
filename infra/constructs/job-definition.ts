import { Duration, Validations } from 'aws-cdk-lib';
import { Action, EcsJobDefinition, Reason, RetryStrategy, type IEcsContainerDefinition } from 'aws-cdk-lib/aws-batch';
import type { Construct } from 'constructs';

/** What a container is told: only ids. All else it reads from the platform when it has claimed the job. */
export const jobCommand = ['--job', 'Ref::job', '--team', 'Ref::team', '--run', 'Ref::run'];

/**
 * A definition whose newest revision is found by its name. The platform itself asks for one attempt and tries again by what the end of a
 * run says (ADR 20); the rules here hold for whoever submits without it: refused is refused, what was stopped or lost its machine goes on.
 */
export function jobDefinition(scope: Construct, id: string, name: string, container: IEcsContainerDefinition): void {
  Validations.of(container).acknowledge({
    id: 'Annotation::@aws-cdk/aws-ecs:ecrImageRequiresPolicy',
    reason: 'The role that fetches the image is given the rights to its repository where the image is chosen.',
  });
  void new EcsJobDefinition(scope, id, {
    jobDefinitionName: name,
    container,
    propagateTags: true,
    // longer than any training that is worth its money without a look at it
    timeout: Duration.days(4),
    retryAttempts: 10,
    retryStrategies: [
      RetryStrategy.of(Action.EXIT, Reason.custom({ onExitCode: '2' })),
      RetryStrategy.of(Action.RETRY, Reason.custom({ onExitCode: '75' })),
      RetryStrategy.of(Action.RETRY, Reason.SPOT_INSTANCE_RECLAIMED),
      RetryStrategy.of(Action.RETRY, Reason.CANNOT_PULL_CONTAINER),
      // no rule that holds would mean another try
      RetryStrategy.of(Action.EXIT, Reason.custom({ onReason: '*' })),
    ],
  });
}
