import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { repository } from './settings.ts';

export interface ServerProcess {
  /** Where it answers, once it does; rejects when it ends before. */
  readonly ready: Promise<string>;
  /** How it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

export interface ServerProcessOptions {
  readonly data: string;
  readonly log: string;
  /** 0: a free one. */
  readonly port: number;
  /** A server of the test; the real one when absent. */
  readonly entry?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The server as `npm start` starts it, as a process of its own. */
export function startServerProcess({ data, log, port, entry, environment }: ServerProcessOptions): ServerProcess {
  const script = entry ?? join(repository, 'functions', 'dev-server.ts');
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, '--port', String(port)], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      LORARY_DATA: data,
      LORARY_JOB_SLOTS: '2',
      // jobs share the cores, and threads that wait for each other cost more than they bring
      LORARY_JOB_THREADS: '1',
      ...environment,
    },
  });
  const file = createWriteStream(log, { flags: 'a' });
  let printed = '';
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      file.write(bytes);
      printed += bytes.toString();
      const [, url] = /answers at (http:\S+)/.exec(printed) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', (code, signal) => reject(new Error(`the server ended (${signal ?? code}) before it answered`)));
  });
  // it may be killed before anybody waits
  ready.catch(() => undefined);
  child.stderr?.on('data', (bytes: Buffer) => file.write(bytes));
  const ended = new Promise<Awaited<ServerProcess['ended']>>((resolve) =>
    child.once('close', (code, signal) => file.end(() => resolve({ code, signal }))),
  );
  return { ready, ended, kill: (signal) => void child.kill(signal) };
}
