import { fileURLToPath } from 'node:url';
import type { RunCommand } from '../../shared/local/process-runner.ts';
import type { RunInfo } from '../../shared/platform/ports.ts';

const main = fileURLToPath(new URL('../../gpu-job/main.ts', import.meta.url));
const generateWorker = fileURLToPath(new URL('../../gpu-job/generate-worker.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));

type Environment = Readonly<Record<string, string | undefined>>;

/** How the container of a job is started on this machine: as a process of its own over the same data folder. */
export function jobCommand(
  { jobId, team, runId }: Pick<RunInfo, 'jobId' | 'team' | 'runId'>,
  folder: string,
  environment: Environment,
): RunCommand {
  return engineCommand([main, '--job', jobId, '--team', team, '--run', runId], {
    ...environment,
    LORARY_DATA: folder,
  });
}

/** How the process that generates texts at once is started. */
export function generatorCommand(environment: Environment): RunCommand {
  return engineCommand([generateWorker], environment);
}

/** By the paths of its files, because no function knows the engine. */
function engineCommand(args: readonly string[], environment: Environment): RunCommand {
  const passed = Object.entries(environment).filter(([name]) => passedOn.test(name));
  return {
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), ...args],
    // not the settings of whatever project the server was started in
    env: { ...Object.fromEntries(passed), TSX_TSCONFIG_PATH: tsconfig },
  };
}

/** What the engine needs of the surroundings of the server: where programs and libraries are, the hub, devices. No key of the API. */
const passedOn =
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|SYSTEMROOT|LANG|LC_.*|TZ|LD_LIBRARY_PATH|DYLD_.*|CUDA_.*|NVIDIA_.*|HF_.*|.*_PROXY|LORARY_(?!KEY$).*)$/i;
