import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../gpu-job/main.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBases } from '../../shared/contract/bases.ts';
import { createJob, getJob, type Job } from '../../shared/contract/jobs.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { pushDataset } from '../server/push-dataset.ts';
import { readyBase } from '../server/ready-base.ts';
import { watchJob } from '../server/watch-job.ts';
import { baseAdd } from './base-add.ts';

const name = 'lorary-smoke';

/** `lorary smoke`: whether a server does all of its work, by the smallest job there is. */
export const smoke = runCommand({
  name: 'smoke',
  summary: 'Train the smallest base for a few steps on the server and its machines, and say what that took.',
  usage: '[--steps N] [--usd-per-hour PRICE]',
  notes: [
    `The first time it sends a base and a dataset, both called ${name}; each time it adds a version to the adapter ${name}.`,
    'A machine that is there for this job alone is also paid for while it starts and stops, which the server cannot see.',
  ],
  examples: ['lorary smoke', 'lorary smoke --usd-per-hour 0.526'],
  flags: {
    steps: { kind: 'number', value: 'N', help: 'steps of training [3]' },
    'usd-per-hour': { kind: 'number', value: 'PRICE', help: 'what a machine costs, to say what the job did' },
  },
  async run({ flags: { steps = 3, 'usd-per-hour': usdPerHour }, json }, io) {
    if (usdPerHour !== undefined && !(usdPerHour >= 0))
      throw new DomainError('usage', `--usd-per-hour is ${usdPerHour}: give what a machine costs`);
    const api = await connect(io);
    // one line of JSON at the end, and nothing else there
    const aside: CommandIo = { ...io, print: (text) => io.note(text) };
    await sendBase(api, aside);
    await sendRows(api, aside);
    const output = { adapter: name };
    const method = { kind: 'lora' as const, config: { r: 2 } };
    const body = { kind: 'train' as const, base: name, dataset: name, output, method, steps };
    const { job } = await api.call(createJob, { body });
    const code = await watchJob(api, job?.id ?? '', false, aside);
    const took = timesOf(await api.call(getJob, { params: { job: job?.id ?? '' } }), usdPerHour);
    if (json) io.print(JSON.stringify(took));
    else if (code === exitCodes.done) io.print(sentenceOf(took));
    return code;
  },
});

async function sendBase(api: ApiClient, io: CommandIo): Promise<void> {
  const known = await allPages(api, listBases);
  if (known.some((base) => base.name === name)) return void (await readyBase(api, name, (text) => io.note(text)));
  const tiny = fileURLToPath(new URL('../../examples/tiny-base', import.meta.url));
  const flags = { name, description: 'The smallest base, of `lorary smoke`.' };
  const code = await baseAdd.run({ words: [tiny], flags, json: false }, io);
  if (code !== exitCodes.done) throw new DomainError('base', `The base ${name} could not be added.`);
}

/** The same bytes each time, so that they are sent once. */
async function sendRows(api: ApiClient, io: CommandIo): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-smoke-'));
  try {
    const rows = Array.from({ length: 24 }, (_, i) => ({ prompt: `${i} and one is`, completion: ` ${i + 1}.` }));
    const path = join(folder, `${name}.jsonl`);
    await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
    await pushDataset(api, path, { name, json: false }, io);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Took {
  readonly job: Pick<Job, 'id' | 'state' | 'reason' | 'attempt'>;
  /** From the request to the claim of a container: for a machine, its image and its start. */
  readonly waitedSeconds: number;
  /** From there to the end. */
  readonly ranSeconds: number;
  readonly usd?: number;
}

function timesOf({ id, state, reason, attempt, createdAt, startedAt, endedAt }: Job, usdPerHour?: number): Took {
  const seconds = (from: string, to: string): number => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  const begun = startedAt ?? endedAt ?? createdAt;
  const ranSeconds = seconds(begun, endedAt ?? begun);
  const usd = usdPerHour === undefined ? {} : { usd: (usdPerHour * ranSeconds) / 3600 };
  return { job: { id, state, reason, attempt }, waitedSeconds: seconds(createdAt, begun), ranSeconds, ...usd };
}

function sentenceOf({ waitedSeconds, ranSeconds, usd }: Took): string {
  const cost = usd === undefined ? '' : `, for $${usd.toFixed(usd < 0.01 ? 5 : 2)}`;
  return `The server does its work: a machine was there after ${waitedSeconds.toFixed(0)} s, and the job took ${ranSeconds.toFixed(0)} s${cost}.`;
}
