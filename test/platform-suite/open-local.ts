import { readFile, mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { openLocalWorld, type LocalWorld, type LocalWorldOptions } from '../../shared/local/local-world.ts';
import type { JobRunner } from '../../shared/platform/ports.ts';
import { carefulTable, repeating } from './careful.ts';
import { faultyBlobs, faultyRunner, faultyTable, seededRandom } from './faults.ts';
import { eventually, type SuiteWorld } from './suite.ts';
import { sendSigned } from './send-signed.ts';

const jobProgram = fileURLToPath(new URL('job-program.mjs', import.meta.url));

/** How the runs of tests are started. */
export const commandOf: NonNullable<LocalWorldOptions['commandOf']> = ({ jobId }) => ({
  command: process.execPath,
  args: [jobProgram, jobId],
  env: { PATH: process.env['PATH'] },
});

export interface OpenSuiteWorld extends SuiteWorld {
  readonly local: LocalWorld;
  close(): Promise<void>;
}

const slots = 2;

/**
 * The local world behind a real server, in an empty folder, with a clock that moves when it is told to. With a seed, faults are injected,
 * and the suite meets them as a careful caller does.
 */
export async function openLocalSuiteWorld(options: { readonly seed?: number } = {}): Promise<OpenSuiteWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-suite-'));
  let skippedSeconds = 0;
  let fetchBlob: LocalWorld['blobServer']['fetch'] = () => new Response('not open yet', { status: 503 });
  const { server, baseUrl } = await listen((...args) => fetchBlob(...args));
  const local = await openLocalWorld({
    folder: join(folder, 'data'),
    baseUrl,
    role: 'server',
    commandOf,
    slots,
    graceSeconds: 0.4,
    durability: 'process-death',
    now: () => Date.now() + skippedSeconds * 1000,
  });
  fetchBlob = local.blobServer.fetch;
  const random = options.seed === undefined ? undefined : seededRandom(options.seed);

  return {
    local,
    table: carefulTable(random ? faultyTable(local.table, random) : local.table),
    blobs: repeating(random ? faultyBlobs(local.blobs, random) : local.blobs),
    runner: repeating(random ? faultyRunner(local.runner, random) : local.runner),
    now: () => local.now(),
    slots,
    patienceSeconds: 15,
    folder,
    send: sendSigned,
    async advance(seconds) {
      skippedSeconds += seconds;
    },
    async startsOf(runId) {
      const log = await readFile(local.logPath(runId), 'utf8').catch(() => '');
      // those that wait for a signal say when they hear it
      return /^(wait|stubborn)/.test((await local.runner.describe(runId))?.jobId ?? '')
        ? log.split('ready').length - 1
        : log.split('started').length - 1;
    },
    async close() {
      await endRuns(local.runner);
      await local.close();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Leaves no process behind. */
export async function endRuns(runner: JobRunner): Promise<void> {
  for (const { runId } of await runner.list()) await runner.cancel(runId);
  await eventually(
    { patienceSeconds: 15 },
    () => runner.list(),
    (runs) => runs.length === 0,
  );
}

/** A server of one fetch handler, on a free port of this machine. */
async function listen(
  handle: LocalWorld['blobServer']['fetch'],
): Promise<{ readonly server: ReturnType<typeof serve>; readonly baseUrl: string }> {
  return new Promise((resolve) => {
    const server = serve({ fetch: handle, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) =>
      resolve({ server, baseUrl: `http://127.0.0.1:${port}` }),
    );
  });
}
