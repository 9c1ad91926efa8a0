import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { environmentNames, readAwsSettings } from '../../shared/aws/environment.ts';
import { eventFunction } from '../http/lambda-tools.ts';
import { administrate } from './administrate.ts';

const world = openAwsWorld(readAwsSettings(process.env));

/** What only the owner of the AWS account may do: nothing but IAM leads here. */
export const handler = eventFunction({ logger: new Logger(), metrics: new Metrics() }, (order: unknown) =>
  administrate(world, order, process.env[environmentNames.url]),
);
