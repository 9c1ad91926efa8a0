import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findSecrets, secretsOfRuns } from './find-secrets.ts';

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command line as child processes, in a folder of a user's own. */
export interface Cli {
  readonly folder: string;
  /** Runs a command to its end. */
  run(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<CliResult>;
  /** The line of JSON that a command with `--json` prints, which must be its only one. Throws when the exit code is another. */
  json<T>(args: readonly string[], code?: number): Promise<T>;
  /** A command that goes on while the test does something. */
  spawn(args: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess;
  /** Secrets in what all of them have said on standard error so far. */
  secretsTold(): string[];
}

/** With a server that `lorary up` has started. */
export interface CliWorld extends Cli {
  readonly url: string;
  readonly key: string;
  close(): Promise<void>;
}

/** `bin` is the file that node runs; without one that of this repository. */
export function openCli(
  folder: string,
  own: Readonly<Record<string, string>> = {},
  bin = fileURLToPath(new URL('../../cli/lorary.js', import.meta.url)),
): Cli {
  const env = { ...cleanEnvironment(), ...own };
  const said: { readonly command: string; text: string }[] = [];
  const start: Cli['spawn'] = (args, environment = {}) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: folder,
      env: { ...env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const heard = { command: args.slice(0, 2).join(' '), text: '' };
    said.push(heard);
    child.stderr.on('data', (bytes: Buffer) => (heard.text += bytes.toString()));
    return child;
  };
  const run: Cli['run'] = (args, environment) => resultOf(start(args, environment));
  return {
    folder,
    run,
    spawn: start,
    secretsTold: () => said.flatMap(({ command, text }) => findSecrets(`lorary ${command}`, text)),
    async json<T>(args: readonly string[], code = 0) {
      const result = await run([...args, '--json']);
      if (result.code !== code)
        throw new Error(`lorary ${args.join(' ')} ended with ${result.code}: ${result.err}${result.out}`);
      const lines = result.out.trimEnd().split('\n');
      if (lines.length !== 1) throw new Error(`lorary ${args.join(' ')} --json printed ${lines.length} lines`);
      return JSON.parse(result.out) as T; // what the test expects of it
    },
  };
}

/** `bin` as in `openCli`. Closing it throws where the server, a job or a command has written a secret into a log. */
export async function openCliWorld(bin?: string, given?: string): Promise<CliWorld> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'lorary-flow-')));
  const cli = openCli(folder, {}, bin);
  const server = cli.spawn(['up', '--port', '0', '--json']);
  const { url, key } = JSON.parse(await firstLine(server)) as { url: string; key: string };
  // the line above is for whoever starts it
  const shown = { text: '' };
  server.stdout?.on('data', (bytes: Buffer) => (shown.text += bytes.toString()));
  return {
    ...cli,
    url,
    key,
    async close() {
      const ended = new Promise((resolve) => server.on('close', resolve));
      if (server.exitCode === null) {
        server.kill('SIGTERM');
        await ended;
      }
      const runs = await secretsOfRuns(join(folder, '.lorary'));
      if (given === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      const told = [...cli.secretsTold(), ...findSecrets('lorary up', shown.text), ...runs];
      if (told.length > 0) throw new Error(`secrets in logs:\n${told.join('\n')}`);
    },
  };
}

export async function resultOf(child: ChildProcess): Promise<CliResult> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (err += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

/** Only what a process needs; no setting of whoever runs the tests. */
export function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(LORARY_|HF_|VITEST|NODE_OPTIONS)/.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

function firstLine(child: ChildProcess): Promise<string> {
  let [out, err] = ['', ''];
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      out += bytes.toString();
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    child.stderr?.on('data', (bytes: Buffer) => (err += bytes.toString()));
    child.on('close', (code) => reject(new Error(`the server ended with ${code} before it said anything: ${err}`)));
  });
}
