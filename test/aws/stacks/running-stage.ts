import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCli, type Cli } from '../../support/lorary-cli.ts';
import { startBatchEndpoint, type BatchEndpoint } from '../batch-endpoint.ts';
import { places } from '../places.ts';
import { invoke, type Account } from './account.ts';
import { batchEvent, deliverEvent } from './deliver-event.ts';
import { stage } from './stage-commands.ts';
import { startTaskRoles } from './task-roles.ts';
import type { StageOfBatch } from './without-batch.ts';

/** A deployed stage with machines that do its jobs. */
export interface RunningStage {
  readonly batch: BatchEndpoint;
  /** Whether events of Batch are delivered; those that are not are lost. */
  tellsEnds: boolean;
  /** What went wrong in delivering them. */
  readonly errors: unknown[];
  /** The command line of somebody in a folder and with a login of their own. */
  cli(name: string): Promise<Cli>;
  /** What the containers have said. */
  logs(): Promise<string>;
  close(): Promise<void>;
}

/** Runs the jobs that the functions submit: each with the environment of its definition and the keys of its role, and nothing else. */
export async function runStage(account: Account, { definitions, queues }: StageOfBatch): Promise<RunningStage> {
  const { url, certificate, batchPort } = account.endpoint;
  const folder = join(account.folder, 'jobs');
  await mkdir(folder);
  const roles = await startTaskRoles(account.sts);
  const errors: unknown[] = [];
  const ofThisMachine = {
    AWS_ENDPOINT_URL: url,
    NODE_EXTRA_CA_CERTS: certificate,
    NODE_NO_WARNINGS: '1',
    // tests share the cores, and threads that wait for each other cost more than they bring
    LORARY_JOB_THREADS: '1',
    // as the image has it
    LORARY_WORK: join(folder, 'work'),
  };
  const batch = await startBatchEndpoint({
    port: batchPort,
    folder,
    graceSeconds: 20,
    queues: Object.fromEntries(queues.map((name) => [name, 1])),
    definitions: Object.fromEntries(
      Object.entries(definitions).map(([name, { roleArn, environment, ...rest }]) => {
        const keys = { AWS_CONTAINER_CREDENTIALS_FULL_URI: roles.uriOf(roleArn) };
        return [name, { ...rest, environment: { ...environment, ...keys, ...ofThisMachine } }];
      }),
    ),
    onChange(detail) {
      if (running.tellsEnds)
        deliverEvent(account, batchEvent(detail)).catch((error: unknown) => void errors.push(error));
    },
  });
  const running: RunningStage = {
    batch,
    tellsEnds: true,
    errors,
    async cli(name) {
      const own = join(account.folder, name);
      await mkdir(own, { recursive: true });
      return openCli(own, { LORARY_CONFIG: join(own, 'login.json'), NODE_EXTRA_CA_CERTS: certificate });
    },
    async logs() {
      const texts = batch.jobs.map((job) => readFile(batch.logPath(job), 'utf8').catch(() => ''));
      return (await Promise.all(texts)).join('\n');
    },
    async close() {
      running.tellsEnds = false;
      await batch.close();
      roles.close();
    },
  };
  return running;
}

/** The first key of a team, from the function that only the owner of the account can call. */
export async function createTeam(
  { lambda }: Account,
  team: string,
): Promise<{ ok: boolean; key: string; code?: string }> {
  const answer = await invoke(lambda, `lorary-${stage}-admin`, { action: 'create-team', team });
  return answer as { ok: boolean; key: string }; // what `administrate` answers
}

/** Has a name lead to the emulator, as a name server would. */
export async function nameEmulator(url: string): Promise<void> {
  await appendFile(places.hosts, `127.0.0.1 ${new URL(url).hostname}\n`);
}
