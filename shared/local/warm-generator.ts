import { spawn, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { GeneratorOrder, GeneratorReply } from '../platform/generator-messages.ts';
import { errorOf } from '../platform/job-failure.ts';
import type { World } from '../platform/ports.ts';
import type { Generation, GenerationRequest, TextGenerator } from '../platform/text-generator.ts';
import { materialisePart } from './materialise-part.ts';

export interface WarmGeneratorOptions {
  /** Models are laid out in a folder of it while they are used. */
  readonly folder: string;
  readonly blobs: World['blobs'];
  /** The process that generates: it is sent `GeneratorOrder`s and answers `GeneratorReply`s, in order. */
  readonly command: { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv };
  readonly idleSeconds?: number;
  readonly callMilliseconds?: number;
  /** Between the moment at which the process gives up by itself and its end; 3,000: one token of a large model. */
  readonly graceMilliseconds?: number;
  readonly waitingMax?: number;
  readonly log?: (message: string, error: unknown) => void;
}

/** A process of this machine that keeps models open. It is started when it is needed and ended when it has nothing to do. */
export function createWarmGenerator(options: WarmGeneratorOptions): TextGenerator {
  const { blobs, command, idleSeconds = limits.generatorIdleSeconds } = options;
  const { callMilliseconds = limits.generateMilliseconds, waitingMax = limits.generationsWaitingMax } = options;
  const { graceMilliseconds = 3000 } = options;
  const log = options.log ?? ((message, error) => console.error(message, error));
  const folder = join(options.folder, 'warm');
  let child: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let waiting = 0;
  let closed = false;
  let turn: Promise<unknown> = Promise.resolve();

  const start = (): ChildProcess => {
    const { command: file, args, env } = command;
    const started = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env });
    const forget = (): void => {
      if (child === started) child = undefined;
    };
    started.on('exit', forget);
    started.on('error', (error) => {
      forget();
      log('the process that generates texts failed', error);
    });
    return started;
  };

  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const ending = child;
    child = undefined;
    if (ending && ending.exitCode === null && ending.signalCode === null) {
      const exited = new Promise((done) => ending.once('exit', done));
      ending.kill('SIGKILL');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  };

  /** Sends one order and waits for its reply; a process that does not answer in time is ended, and with it what it had open. */
  const exchange = (order: GeneratorOrder, milliseconds: number): Promise<Generation> => {
    const worker = (child ??= start());
    return new Promise<Generation>((fulfil, reject) => {
      let reason = 'The process that generates texts ended before it had answered.';
      const overdue = setTimeout(() => {
        reason = 'It took too long: ask for fewer tokens.';
        worker.kill('SIGKILL');
      }, milliseconds);
      const settle = (finish: () => void): void => {
        clearTimeout(overdue);
        worker.off('message', onMessage).off('exit', onExit).off('error', onExit);
        finish();
      };
      const onMessage = (reply: GeneratorReply): void =>
        settle(() => (reply.type === 'done' ? fulfil(reply.generation) : reject(errorOf(reply.failure))));
      const onExit = (): void => settle(() => reject(new UnavailableError(reason)));
      worker.on('message', onMessage).on('exit', onExit).on('error', onExit);
      worker.send(order, (error) => {
        if (error) onExit();
      });
    });
  };

  const work = async (request: GenerationRequest, dueAt: number): Promise<Generation> => {
    clearTimeout(idle);
    const left = dueAt - performance.now();
    if (closed || left <= 0) throw new UnavailableError('No text could be generated in time.');
    const base = await materialisePart(blobs, folder, request.base);
    const adapter = request.adapter && (await materialisePart(blobs, folder, request.adapter));
    const sizeBytes = base.sizeBytes + (adapter?.sizeBytes ?? 0);
    const { base: _base, adapter: _adapter, ...rest } = request;
    const order = { ...rest, base, ...(adapter ? { adapter } : {}), sizeBytes, milliseconds: left };
    try {
      return await exchange(order, left + graceMilliseconds);
    } finally {
      // it holds files open that are in nobody's way; what matters is its memory
      idle = setTimeout(() => void next(end), idleSeconds * 1000).unref();
    }
  };

  const next = <T>(task: () => Promise<T>): Promise<T> => {
    const result = turn.then(task);
    turn = result.catch(() => undefined);
    return result;
  };

  return {
    async generate(request) {
      if (closed) throw new UnavailableError('The generator was closed.');
      if (waiting >= waitingMax) throw new UnavailableError(`${waiting} texts wait to be generated already.`);
      waiting++;
      const dueAt = performance.now() + callMilliseconds;
      try {
        return await next(() => work(request, dueAt));
      } finally {
        waiting--;
      }
    },
    async close() {
      closed = true;
      child?.kill('SIGKILL');
      await next(end);
    },
  };
}
