import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { kmsSigning } from '../../shared/aws/kms-signer.ts';
import { limits } from '../../shared/limits.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import { validatorFunction } from './validator-function.ts';

/**
 * Validates the upload that an event names; one at a time, so it needs no thread to keep it from others. What would take too long is left to
 * a job.
 */
export const handler = validatorFunction({
  deps: {
    world: openAwsWorld({ ...readAwsSettings(process.env), ...kmsSigning(process.env) }),
    inspect,
    jobAboveBytes: limits.validatorFunctionBytesMax,
  },
  logger: new Logger(),
  metrics: new Metrics(),
});
