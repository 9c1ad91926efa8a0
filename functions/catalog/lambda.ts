import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { environmentNames, readAwsSettings } from '../../shared/aws/environment.ts';
import { createHubToken } from '../../shared/aws/hub-token.ts';
import { createTextCache } from '../../shared/text/text-cache.ts';
import { apiFunction } from '../http/api-function.ts';
import { catalogHandlers } from './app.ts';

const parameter = process.env[environmentNames.hubTokenParameter];

/** Bases, datasets and compositions. */
export const handler = apiFunction({
  deps: {
    world: openAwsWorld(readAwsSettings(process.env)),
    hub: { url: 'https://huggingface.co', ...(parameter ? { accessToken: createHubToken({ parameter }) } : {}) },
    texts: createTextCache(),
  },
  handlers: catalogHandlers,
  logger: new Logger(),
  metrics: new Metrics(),
});
