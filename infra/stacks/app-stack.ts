import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus, Schedule } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { environmentNames } from '../../shared/aws/environment.ts';
import { Alarms, count } from '../constructs/alarms.ts';
import { ApiFunction } from '../constructs/api-function.ts';
import { EventFunction } from '../constructs/event-function.ts';
import { FrontDoor } from '../constructs/front-door.ts';
import { JobDataRole } from '../constructs/job-data-role.ts';
import { jobDataRoleArn } from '../constructs/permissions.ts';
import { PlatformApi } from '../constructs/platform-api.ts';
import { functionGroups, type FunctionGroup, type FunctionName } from '../function-groups.ts';
import { jobClasses } from '../job-classes.ts';
import { namesOf, nameOfFunction } from '../names.ts';
import type { Settings } from '../settings.ts';

/** What answers: nothing of it holds data, all of it can be made again. */
export class AppStack extends Stack {
  readonly #settings: Settings;

  constructor(scope: Construct, id: string, { settings, ...props }: StackProps & { readonly settings: Settings }) {
    super(scope, id, props);
    this.#settings = settings;
    const names = namesOf(settings);
    const bus = new EventBus(this, 'Bus', { eventBusName: names.eventBus });
    const answering = (['adapters', 'jobs', 'catalog', 'teams'] as const).map(
      (name) => new ApiFunction(this, name, this.#propsOf(name)),
    );
    const { api } = new PlatformApi(this, 'PlatformApi', { apiName: names.api, functions: answering });
    const { distribution, consoleBucket } = new FrontDoor(this, 'FrontDoor', { api, settings });
    const validator = new EventFunction(this, 'validator', this.#propsOf('validator'));
    const jobEvents = new EventFunction(this, 'job-events', this.#propsOf('job-events'));
    const reconciler = new EventFunction(this, 'reconciler', this.#propsOf('reconciler'));
    const credentials = new ApiFunction(this, 'job-credentials', this.#propsOf('job-credentials'));
    void new JobDataRole(this, 'JobData', { settings, giver: credentials.role });
    void new ApiFunction(this, 'signer', this.#propsOf('signer'));
    const url = `https://${settings.domain?.name ?? distribution.distributionDomainName}`;
    const admin = new ApiFunction(this, 'admin', this.#propsOf('admin', { [environmentNames.url]: url }));

    const ours = { eventBus: bus, source: ['lorary'] };
    validator.on('UploadCompleted', {
      eventBus: bus,
      eventPattern: { source: ours.source, detailType: ['upload-completed'] },
      description: 'An upload has everything and waits for being looked at.',
    });
    jobEvents.on('RunChanged', {
      eventBus: bus,
      eventPattern: { source: ours.source, detailType: ['run-changed'] },
      description: 'A container says that its job has changed.',
    });
    jobEvents.on('BatchJobEnded', {
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job State Change'],
        detail: { jobQueue: this.#queueArns(), status: ['SUCCEEDED', 'FAILED'] },
      },
      description: 'A container has ended, perhaps without having been able to say so.',
    });
    reconciler.on('EveryFewMinutes', {
      schedule: Schedule.rate(Duration.minutes(5)),
      description: 'Events are hints; this finds what they have missed.',
    });

    this.#watch(new Alarms(this, 'Alarms', settings), api.apiId, { validator, jobEvents, reconciler });
    new CfnOutput(this, 'Url', { value: url, description: 'Where the console and the API answer' });
    new CfnOutput(this, 'ApiUrl', { value: api.apiEndpoint, description: 'The API without CloudFront in front' });
    new CfnOutput(this, 'ConsoleBucket', { value: consoleBucket.bucketName });
    new CfnOutput(this, 'AdminFunction', { value: admin.function.functionName });
  }

  #propsOf(name: FunctionName, more: Readonly<Record<string, string>> = {}) {
    const { table, bucket, eventBus, hubTokenParameter, signingKey } = namesOf(this.#settings);
    const { permissions }: FunctionGroup = functionGroups[name];
    const readsToken = permissions.includes('hub-token');
    const knowsKey = permissions.includes('sign') || permissions.includes('signing-key');
    const classes = startedClasses(name, this.#settings);
    const environment = {
      [environmentNames.table]: table,
      [environmentNames.bucket]: bucket,
      [environmentNames.eventBus]: eventBus,
      ...(name === 'job-credentials' ? { [environmentNames.jobDataRole]: jobDataRoleArn(this.#settings) } : {}),
      ...(name === 'jobs' ? { [environmentNames.mergeOn]: this.#settings.mergeOn } : {}),
      ...(classes.length > 0 ? { [environmentNames.jobClasses]: JSON.stringify(classes) } : {}),
      ...(knowsKey ? { [environmentNames.signingKey]: signingKey } : {}),
      ...(readsToken && this.#settings.gatedModels ? { [environmentNames.hubTokenParameter]: hubTokenParameter } : {}),
      ...more,
    };
    return { name, settings: this.#settings, environment };
  }

  #queueArns(): string[] {
    return jobClasses(this.#settings).map(({ queue }) =>
      this.formatArn({ service: 'batch', resource: 'job-queue', resourceName: queue }),
    );
  }

  #watch(alarms: Alarms, apiId: string, workers: Readonly<Record<string, EventFunction>>): void {
    alarms.add('ApiFails', {
      metric: count('AWS/ApiGateway', '5xx', { ApiId: apiId }),
      threshold: 5,
      what: 'The API has answered with errors of its own.',
      section: 'the-api-fails',
    });
    for (const [name, { deadLetters }] of Object.entries(workers))
      alarms.add(`${name}DeadLetters`, {
        metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
        threshold: 1,
        what: `The function ${name} has given up on an event.`,
        section: 'an-event-was-given-up-on',
      });
    alarms.add('ReconcilerFails', {
      metric: count('AWS/Lambda', 'Errors', { FunctionName: nameOfFunction(this.#settings, 'reconciler') }),
      threshold: 1,
      periods: 3,
      what: 'The reconciler has failed for a quarter of an hour.',
      section: 'the-reconciler-fails',
    });
    alarms.add('NothingIsSigned', {
      metric: count('lorary', 'Unavailable', { service: 'signer' }),
      threshold: 1,
      periods: 2,
      what: 'What jobs have made could not be signed, and waits.',
      section: 'nothing-can-be-signed',
    });
    alarms.add('FunctionsThrottled', {
      metric: count('AWS/Lambda', 'Throttles'),
      threshold: 10,
      periods: 2,
      what: 'Functions of this account wait for room to run.',
      section: 'functions-are-throttled',
    });
    const { table } = namesOf(this.#settings);
    for (const metricName of ['ReadThrottleEvents', 'WriteThrottleEvents'])
      alarms.add(`Table${metricName}`, {
        metric: count('AWS/DynamoDB', metricName, { TableName: table }),
        threshold: 10,
        periods: 2,
        what: 'The table turns requests away.',
        section: 'the-table-is-throttled',
      });
  }
}

/** The machines on which a function may start jobs. */
function startedClasses(name: FunctionName, settings: Settings): ReturnType<typeof jobClasses> {
  const { permissions }: FunctionGroup = functionGroups[name];
  if (permissions.includes('start-jobs')) return jobClasses(settings);
  const { cpuQueue } = namesOf(settings);
  return permissions.includes('start-cpu-jobs') ? jobClasses(settings).filter(({ queue }) => queue === cpuQueue) : [];
}
