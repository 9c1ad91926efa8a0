import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../../../shared/errors.ts';
import { inNamespace } from '../../aws/in-namespace.ts';
import { missingTools, whyMissing } from '../../aws/missing-tools.ts';
import { prepareDynamo } from '../../aws/prepare.ts';
import { readStore } from '../../crash/check/store.ts';
import { demand, type Report } from '../../support/checks-report.ts';
import type { Section } from '../section.ts';
import { holdRaces, type RaceOutcome } from './hold-races.ts';

/**
 * Fifty clients in five processes publish, promote, make, revoke and rotate at once, while calls of the store are refused or lose their answers:
 * on SQLite and on DynamoDB Local. Then the same race without conditions must be found out.
 */
export const runRaces: Section = async (report, seed) => {
  await reportRaces(
    report,
    'SQLite',
    () => raceOnSqlite(seed),
    () => raceOnSqlite(seed, 'no-conditions'),
  );
  const names = [honestName('DynamoDB'), plantedName('DynamoDB')];
  const missing = await missingTools(['Java 17 or newer', 'namespaces (unshare, ip and mount)']);
  if (missing.length > 0) return report.lack(names, whyMissing(missing));
  const unanswered = await whyNotDownloaded();
  if (unanswered !== undefined) return report.skip(names, unanswered);
  await reportRaces(
    report,
    'DynamoDB',
    () => raceOnDynamo(seed),
    () => raceOnDynamo(seed, 'no-conditions'),
  );
};

const honestName = (store: string): string => `races on ${store}: one winner, no lost update, numbers without holes`;
const plantedName = (store: string): string => `races on ${store} without conditions are found out`;

async function reportRaces(
  report: Report,
  store: string,
  honest: () => Promise<RaceOutcome>,
  planted: () => Promise<RaceOutcome>,
): Promise<void> {
  await report.check(honestName(store), async () => {
    const { found, bugs, figures } = await honest();
    demand(found.length + bugs.length === 0, [...bugs, ...found].slice(0, shownMax).join('\n'));
    return { figures, value: undefined };
  });
  await report.check(plantedName(store), async () => {
    const { found } = await planted();
    const [first] = found;
    demand(first !== undefined, 'nothing was lost');
    const forks = found.filter((text) => text.includes('took the place of one')).length;
    demand(forks > 0, 'no secret was lost');
    return {
      figures: `${found.length} findings, ${forks} of them lost secrets, the first: ${first.slice(0, 120)}`,
      value: undefined,
    };
  });
}

const shownMax = 10;

async function raceOnSqlite(seed: number, fault?: 'no-conditions'): Promise<RaceOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-races-'));
  try {
    const place = { kind: 'sqlite', folder } as const;
    return await holdRaces({ place, seed, read: async () => readStore(folder), ...(fault ? { fault } : {}) });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Undefined: DynamoDB Local is there. A registry that does not answer is an excuse in CI, too. */
async function whyNotDownloaded(): Promise<string | undefined> {
  try {
    await prepareDynamo();
    return undefined;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return error.message;
  }
}

/** In a network namespace of its own, because DynamoDB Local listens on every interface. */
async function raceOnDynamo(seed: number, fault?: 'no-conditions'): Promise<RaceOutcome> {
  const program = fileURLToPath(new URL('dynamo-races.ts', import.meta.url));
  const { file, args } = inNamespace([process.execPath, '--import', 'tsx', program, String(seed), fault ?? '']);
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  demand(code === 0, `the race on DynamoDB ended with ${String(code)}`);
  return JSON.parse(printed) as RaceOutcome; // printed by `dynamo-races.ts`
}
