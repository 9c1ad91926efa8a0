import { availableParallelism } from 'node:os';
import { whoAmI } from '../../shared/contract/keys.ts';
import { listJobs } from '../../shared/contract/jobs.ts';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { nodeCheck } from '../../shared/domain/node-check.ts';
import type { CommandIo } from '../command.ts';
import { connectTo } from '../server/connect.ts';
import { dataFolder, findCredentials, type Credentials } from '../server/credentials.ts';
import { diskCheck, runtimeCheck, writableCheck } from './machine.ts';

/** Everything at once; what cannot be told without a server is left out when there is none. */
export async function examine(environment: CommandIo['environment']): Promise<Diagnosis[]> {
  const folder = dataFolder(environment);
  return [
    nodeCheck(process.versions.node),
    await runtimeCheck(),
    await writableCheck(folder),
    await diskCheck(folder),
    slotsCheck(environment['LORARY_JOB_SLOTS'], availableParallelism()),
    ...(await serverChecks(environment)),
  ];
}

export function slotsCheck(setting: string | undefined, cores: number): Diagnosis {
  const what = 'jobs at once';
  if (setting !== undefined && setting !== '' && !/^[1-9]\d{0,2}$/.test(setting))
    return { what, verdict: 'bad', detail: `LORARY_JOB_SLOTS is "${setting}": make it a number from 1 to 999` };
  const slots = Number(setting || Math.max(1, Math.floor(cores / 4))); // as the server chooses
  return { what, verdict: 'good', detail: `${slots}, on ${cores} cores (LORARY_JOB_SLOTS changes it)` };
}

async function serverChecks(environment: CommandIo['environment']): Promise<Diagnosis[]> {
  let credentials: Credentials;
  try {
    credentials = await findCredentials(environment);
  } catch (error) {
    return [{ what: 'server', verdict: 'warning', detail: messageOf(error) }];
  }
  const { url } = credentials;
  let response: Response;
  try {
    response = await fetch(new URL('/openapi.json', url), { signal: AbortSignal.timeout(answerMilliseconds) });
    await response.body?.cancel();
  } catch {
    return [{ what: 'server', verdict: 'warning', detail: `nothing answers at ${url}; start one with: lorary up` }];
  }
  return [
    { what: 'server', verdict: 'good', detail: url },
    clockCheck(response.headers.get('date'), Date.now()),
    await keyCheck(credentials),
    await queueCheck(credentials),
  ];
}

const answerMilliseconds = 5000;

/** Signed links live for minutes, so a clock that is further off makes them useless. */
export function clockCheck(date: string | null, now: number): Diagnosis {
  const what = 'clock';
  const there = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(there)) return { what, verdict: 'warning', detail: 'the server does not tell its time' };
  const seconds = Math.round((now - there) / 1000);
  if (Math.abs(seconds) <= 60) return { what, verdict: 'good', detail: 'as the server has it' };
  const off = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the server's: set one of them right`;
  return { what, verdict: 'bad', detail: off };
}

async function keyCheck(credentials: Credentials): Promise<Diagnosis> {
  try {
    const { team, key } = await connectTo(credentials).call(whoAmI, {});
    return { what: 'key', verdict: 'good', detail: `"${key.name}" of team ${team}: ${key.scopes.join(', ')}` };
  } catch (error) {
    return { what: 'key', verdict: 'bad', detail: messageOf(error) };
  }
}

async function queueCheck(credentials: Credentials): Promise<Diagnosis> {
  const api = connectTo(credentials);
  const count = async (state: 'running' | 'queued'): Promise<number> =>
    (await api.call(listJobs, { query: { state, limit: 100 } })).items.length;
  try {
    const [running, queued] = [await count('running'), await count('queued')];
    return { what: 'jobs', verdict: 'good', detail: `${running} running, ${queued} waiting` };
  } catch (error) {
    return { what: 'jobs', verdict: 'warning', detail: messageOf(error) };
  }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
