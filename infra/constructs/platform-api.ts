import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionGroups } from '../function-groups.ts';
import { acknowledge } from './acknowledge.ts';
import type { ApiFunction } from './api-function.ts';

export interface PlatformApiProps {
  readonly apiName: string;
  readonly functions: readonly ApiFunction[];
}

/** The HTTP API: each first part of a path goes to the function that answers it. */
export class PlatformApi extends Construct {
  readonly api: HttpApi;

  constructor(scope: Construct, id: string, { apiName, functions }: PlatformApiProps) {
    super(scope, id);
    this.api = new HttpApi(this, 'Api', { apiName, createDefaultStage: false });
    const logs = new LogGroup(this, 'AccessLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    void new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      // what one caller out of control may cost; far above what people and their jobs ask for
      throttle: { rateLimit: 100, burstLimit: 200 },
      accessLogSettings: { destination: new LogGroupLogDestination(logs), format: AccessLogFormat.custom(accessLog) },
    });
    for (const worker of functions) {
      const integration = new HttpLambdaIntegration(`${worker.name}Integration`, worker.function);
      for (const path of functionGroups[worker.name].paths)
        for (const pattern of isPage(path) ? [path] : [path, `${path}/{proxy+}`])
          for (const route of this.api.addRoutes({ path: pattern, methods: [HttpMethod.ANY], integration }))
            acknowledge(
              route,
              'AwsSolutions-APIG4',
              'Callers are told apart by keys of the platform, which the function behind reads with each call.',
            );
    }
  }
}

/** The reference of the API has no pages below. */
const isPage = (path: string): boolean => !path.startsWith('/v1/');

/** Who asked what, and what came of it; no header and no query, so no secret. */
const accessLog = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  route: '$context.routeKey',
  path: '$context.path',
  status: '$context.status',
  milliseconds: '$context.responseLatency',
  bytes: '$context.responseLength',
  integrationError: '$context.integrationErrorMessage',
});
