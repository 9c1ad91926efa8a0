import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { FunctionName } from '../../../infra/function-groups.ts';

export interface RunningLambda {
  /** Rejects when the function fails. */
  invoke(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export interface StartLambdaOptions {
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it prints goes there. */
  readonly log: string;
}

/** Starts a function as Lambda does: in a process of its own, with nothing but its environment. */
export async function startLambda(
  name: FunctionName,
  { environment, log }: StartLambdaOptions,
): Promise<RunningLambda> {
  const output = openSync(log, 'a');
  const child = fork(fileURLToPath(new URL('lambda-process.ts', import.meta.url)), [name], {
    execArgv: ['--import', 'tsx'],
    env: { PATH: process.env['PATH'], TMPDIR: tmpdir(), ...environment },
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  const waiting = new Map<number, PromiseWithResolvers>();
  let calls = 0;
  child.on('message', (message: 'ready' | { id: number; answer?: unknown; failure?: string }) => {
    if (message === 'ready') return;
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.failure === undefined) caller?.resolve(message.answer);
    else caller?.reject(new Error(`${name} failed: ${message.failure}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${code}: see ${log}`));
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} did not start (${code}): see ${log}`))),
  ]);
  return {
    invoke(event) {
      return new Promise((resolve, reject) => {
        waiting.set(++calls, { resolve, reject });
        child.send({ id: calls, event });
      });
    },
    async close() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

interface PromiseWithResolvers {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}
