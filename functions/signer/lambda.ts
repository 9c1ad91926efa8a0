import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { kmsSigning } from '../../shared/aws/kms-signer.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { eventFunction, reportFailure } from '../http/lambda-tools.ts';
import { signManifest } from './sign-manifest.ts';

const world = openAwsWorld({ ...readAwsSettings(process.env), ...kmsSigning(process.env) });
const tools = { logger: new Logger(), metrics: new Metrics() };

/** Signs what containers publish, who have no right to the key; only their role may call it. */
export const handler = eventFunction(tools, async (order: unknown) => {
  try {
    return await signManifest(world, order);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    reportFailure(tools, 'what a job has made could not be signed', error);
    return { ok: false, code: 'unavailable', message: error.message };
  }
});
