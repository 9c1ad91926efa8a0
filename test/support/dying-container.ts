import { join } from 'node:path';
import { runJob, withStopSignals } from '../../gpu-job/main.ts';
import type { ContainerTools } from '../../gpu-job/platform/container.ts';
import { runContainer } from '../../gpu-job/platform/run-container.ts';
import { openLocalWorld } from '../../shared/local/local-world.ts';

/**
 * A container that kills itself, as a machine that fails does: `LORARY_DEATH` is `{"stage": name}` for a death when that stage is behind, or
 * `{"events": count, "milliseconds": wait}` for one so long after so many events. Otherwise it does what `gpu-job/main.ts` does.
 */
const death = JSON.parse(process.env['LORARY_DEATH'] ?? '{}') as {
  stage?: string;
  events?: number;
  milliseconds?: number;
  signal?: NodeJS.Signals;
};
const { LORARY_FORGETFUL: forgetful } = process.env;
const [, , , jobId = '', , team = '', , runId = ''] = process.argv;
const folder = process.env['LORARY_DATA'] ?? '';
const world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1', role: 'job', durability: 'process-death' });
const die = (): void => void process.kill(process.pid, death.signal ?? 'SIGKILL');
let events = 0;
const tools: Omit<ContainerTools, 'stop'> = {
  work: join(folder, 'work'),
  threads: 1,
  onStage: (stage) => {
    if (stage === death.stage) die();
  },
  runJob: (spec, options) =>
    runJob(spec, {
      ...options,
      // it does not know what it may take
      ...(forgetful === undefined ? {} : { secondsMax: Number(forgetful) }),
      onEvent: (event) => {
        options.onEvent(event);
        if (++events === death.events) setTimeout(die, death.milliseconds);
      },
    }),
};
await withStopSignals(
  (stop) => runContainer(world, { jobId, team, runId }, { ...tools, stop }),
  () => undefined,
);
await world.close();
