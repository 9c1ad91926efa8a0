import { spawn, type ChildProcess } from 'node:child_process';

/** Programs that stand and fall together. */
export interface ProgramGroup {
  /** Starts one more; that it cannot be started is told by `failure`. Answers its process id, if it has one. */
  start(file: string, args: readonly string[], env: NodeJS.ProcessEnv): number | undefined;
  /** Rejects when one could not be started, or has ended by itself. */
  readonly failure: Promise<never>;
  /** Kills all of them. */
  stop(): Promise<void>;
}

/** `output` is an open file. */
export function programGroup({ cwd, output }: { readonly cwd: string; readonly output: number }): ProgramGroup {
  const children: ChildProcess[] = [];
  let stopped = false;
  let fail: (reason: Error) => void;
  const failure = new Promise<never>((_, reject) => (fail = reject));
  // who waits for a server waits for this, too; after that nobody may
  failure.catch(() => undefined);
  return {
    start(file, args, env) {
      const child = spawn(file, args, { cwd, env, stdio: ['ignore', output, output] });
      child.once('error', (error) => fail(new Error(`${file} cannot be started: ${error.message}`)));
      child.once('exit', (code, signal) => stopped || fail(new Error(`${file} has ended with ${signal ?? code}`)));
      children.push(child);
      return child.pid;
    },
    failure,
    async stop() {
      stopped = true;
      await Promise.all(children.map(endOf));
    },
  };
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
