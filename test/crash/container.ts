/** The container of a job over a world that may lose a write. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodeOf, runJob, withStopSignals } from '../../gpu-job/main.ts';
import { runContainer } from '../../gpu-job/platform/run-container.ts';
import { defaultDataFolder } from '../../shared/local/local-world.ts';
import { openAsTold } from './sabotage.ts';

const text = { type: 'string', default: '' } as const;
const { values } = parseArgs({ options: { job: text, team: text, run: text } });
const folder = defaultDataFolder();
const world = await openAsTold({ folder, baseUrl: 'http://127.0.0.1', role: 'job' });
const run = { team: values.team, jobId: values.job, runId: values.run };
try {
  await withStopSignals(
    (stop) => runContainer(world, run, { work: join(folder, 'work'), runJob, threads: 1, stop }),
    () => undefined,
  );
} catch (error) {
  console.error(error);
  process.exitCode = exitCodeOf(error);
} finally {
  await world.close();
}
