import type { PlatformEvent } from '../../shared/platform/ports.ts';
import { eventFunction, reportFailure, type LambdaTools } from '../http/lambda-tools.ts';
import { createValidator, validatorFailuresMax } from './validator.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/**
 * A Lambda function behind the rule for completed uploads. It tries an upload as often as a server would before it gives up on it, because
 * a function does not remember its last try. Rejects when it came to nothing: Lambda tries again, and then the reconciler does.
 */
export function validatorFunction({ deps, ...tools }: LambdaTools & { readonly deps: ValidatorDeps }) {
  return eventFunction(tools, async ({ detail }: { readonly detail: PlatformEvent }) => {
    const failures: unknown[] = [];
    const validator = createValidator(deps, {
      onError(error, uploadId) {
        failures.push(error);
        reportFailure(tools, `the upload ${uploadId} could not be looked at`, error);
      },
    });
    for (let tries = 1; tries <= validatorFailuresMax; tries++) {
      await validator.onEvent(detail);
      if (failures.length < tries) return;
    }
    throw failures.at(-1);
  });
}
