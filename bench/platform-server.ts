import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../cli/server/connect.ts';
import { readyBase } from '../cli/server/ready-base.ts';
import type { ApiClient } from '../shared/contract/api-client.ts';

/** A server of the platform as people start it: a process of its own, with nothing kept from before. */
export interface PlatformServer {
  readonly api: ApiClient;
  readonly url: string;
  readonly key: string;
  /** Its data folder. */
  readonly folder: string;
  /** The most memory it has held so far, in MiB; undefined where the system does not tell. */
  peakRssMb(): Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface PlatformServerOptions {
  /** Arguments of Node in the place of those of `npm start`. */
  readonly program?: readonly string[];
  /** The base whose import is waited for. */
  readonly base?: string;
}

export async function startPlatformServer(name: string, options: PlatformServerOptions = {}): Promise<PlatformServer> {
  const { program = ['functions/start.mjs', '--port', '0'], base } = options;
  const folder = resolve('.cache', 'bench', name);
  await rm(folder, { recursive: true, force: true });
  const child = spawn(process.execPath, [...program], {
    env: { ...process.env, LORARY_DATA: folder, LORARY_JOB_SLOTS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  const { url, key } = await readCredentials(folder, () => child.exitCode !== null);
  const api = connectTo({ url, key });
  if (base !== undefined) await readyBase(api, base, () => {});
  return {
    api,
    url,
    key,
    folder,
    async peakRssMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function readCredentials(folder: string, hasEnded: () => boolean): Promise<{ url: string; key: string }> {
  for (;;) {
    const text = await readFile(join(folder, 'credentials.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as { url: string; key: string }; // the server's own file, renamed into place
    if (hasEnded()) throw new Error('the server ended before it served');
    await delay(20);
  }
}
