import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { kmsSigning } from '../../shared/aws/kms-signer.ts';
import { eventFunction, reportFailure } from '../http/lambda-tools.ts';
import { sweep } from '../job-events/sweep.ts';
import { sealAudits } from '../sealer/seal-audits.ts';
import { sweepErasures } from '../purger/sweep-erasures.ts';
import { sweepPurges } from '../purger/sweep-purges.ts';
import { sweepStored } from '../purger/sweep-stored.ts';
import { remind } from '../validator/remind.ts';

const world = openAwsWorld({ ...readAwsSettings(process.env), ...kmsSigning(process.env) });
const tools = { logger: new Logger(), metrics: new Metrics() };
const log = (message: string, error: unknown): void => reportFailure(tools, message, error);

/** Finds what events have missed: every few minutes nothing stays where it is. One part that fails does not keep the others from it. */
export const handler = eventFunction(tools, async () => {
  const parts = {
    jobs: () => sweep(world, { log }),
    uploads: () => remind(world),
    purges: () => sweepPurges(world, { log }),
    erasures: () => sweepErasures(world, { log }),
    bytes: () => sweepStored(world, { log }),
    audit: () => sealAudits(world, { log }),
  };
  for (const [name, part] of Object.entries(parts))
    await part().catch((error: unknown) => log(`the ${name} could not be looked after`, error));
});
