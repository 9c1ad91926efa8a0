import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { createAssumeTeam } from '../../shared/aws/assume-team.ts';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { environmentNames, readAwsSettings } from '../../shared/aws/environment.ts';
import { createHubToken } from '../../shared/aws/hub-token.ts';
import { eventFunction } from '../http/lambda-tools.ts';
import { giveCredentials } from './give-credentials.ts';

const settings = readAwsSettings(process.env);
const parameter = process.env[environmentNames.hubTokenParameter];
const deps = {
  world: openAwsWorld(settings),
  assume: createAssumeTeam({ ...settings, roleArn: process.env[environmentNames.jobDataRole] ?? '' }),
  ...(parameter ? { hubToken: createHubToken({ parameter }) } : {}),
};

/** Gives the containers of jobs what they may reach, which their role alone does not; only that role may call it. */
export const handler = eventFunction({ logger: new Logger(), metrics: new Metrics() }, (order: unknown) =>
  giveCredentials(deps, order),
);
