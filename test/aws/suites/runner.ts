import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerCases } from '../../platform-suite/runner-cases.ts';
import { startBatchEndpoint } from '../batch-endpoint.ts';
import { openAwsSuiteWorld, type AwsSuiteWorld } from '../open-aws.ts';
import { readEndpoints, theTable } from '../targets.ts';
import { caseTests } from './case-tests.ts';

const { dynamo } = theTable(readEndpoints());
const jobProgram = fileURLToPath(new URL('../../platform-suite/job-program.mjs', import.meta.url));
const slots = 2;

caseTests({ emulator: 'batch-endpoint', areas: { runner: runnerCases }, open });

/** A world whose jobs are processes of this machine. */
async function open(): Promise<AwsSuiteWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-batch-'));
  const endpoint = await startBatchEndpoint({
    definitions: { job: { entrypoint: [process.execPath, jobProgram], command: ['Ref::job'] } },
    queues: { cpu: slots },
    folder,
    graceSeconds: 0.4,
  });
  const world = await openAwsSuiteWorld({
    endpoints: { dynamo, batch: endpoint.url },
    jobClasses: [{ queue: 'cpu', jobDefinition: 'job' }],
    slots,
    async startsOf(runId) {
      const mine = endpoint.jobs.filter(({ detail }) => detail.jobName === runId);
      const logs = await Promise.all(mine.map((job) => readFile(endpoint.logPath(job), 'utf8').catch(() => '')));
      // those that wait for a signal say when they hear it
      const waits = mine.some(({ detail }) => /^(wait|stubborn)/.test(detail.parameters?.['job'] ?? ''));
      return logs.join('').split(waits ? 'ready' : 'started').length - 1;
    },
  });
  return {
    ...world,
    async close() {
      await world.close();
      await endpoint.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
