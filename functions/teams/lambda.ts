import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { kmsSigning } from '../../shared/aws/kms-signer.ts';
import { docsApp } from '../docs/docs-app.ts';
import { apiFunction } from '../http/api-function.ts';
import { teamHandlers } from './app.ts';

/** Teams, their keys and their audit, and the reference of the API. */
export const handler = apiFunction({
  deps: { world: openAwsWorld({ ...readAwsSettings(process.env), ...kmsSigning(process.env) }) },
  handlers: teamHandlers,
  pages: docsApp(),
  logger: new Logger(),
  metrics: new Metrics(),
});
