import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { apiFunction } from '../http/api-function.ts';
import { uploadHandlers } from '../uploads/app.ts';
import { adapterHandlers } from './app.ts';

/** Adapters, their versions and aliases, and the uploads that bring bytes of any kind. */
export const handler = apiFunction({
  deps: { world: openAwsWorld(readAwsSettings(process.env)) },
  handlers: [...adapterHandlers, ...uploadHandlers],
  logger: new Logger(),
  metrics: new Metrics(),
});
