/**
 * `npm run test:crash`: clients do mixed work while their server is killed at random moments; at the end the store is held against what
 * they were told. Then a short run in which one acknowledged write is dropped must be found out. `--seed` and `--kills` choose the run.
 * `--sabotage` does only the second and fails, as it should; `--drop` chooses the write. The last line is `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { storeRules, type StoreRule } from './check/check-store.ts';
import type { Ledger } from './check/ledger.ts';
import { brokenRule, dropKinds, type DropKind } from './dropping-world.ts';
import { runRound, type RoundResult } from './round.ts';
import { missingWork, workDone } from './work-done.ts';

const wholeKillsMin = 20;
const sabotagedKills = 3;
const shownMax = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(1 + Math.floor(1e6 * Math.random())) },
    kills: { type: 'string', default: '24' },
    drop: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
  },
});
const seed = wholeNumber('--seed', values.seed);
const kills = wholeNumber('--kills', values.kills);
const drop =
  values.drop === undefined ? dropKinds[seed % dropKinds.length] : dropKinds.find((kind) => kind === values.drop);
if (drop === undefined) throw new Error(`--drop is one of ${dropKinds.join(', ')}`);

console.log(`Seed ${seed}. What a failed run leaves is in .cache/crash until the next one.`);
const checks: Check[] = values.sabotage
  ? checksOf(await sabotaged(drop)).map((check) => report(check))
  : [...(await honest()).map((check) => report(check)), report(await foundOut(drop))];
const failed = checks.filter(({ found }) => found.length > 0).length;
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

interface Check {
  readonly name: string;
  readonly found: readonly string[];
}

function checksOf({ findings, bugs }: RoundResult): Check[] {
  const rules = Object.entries(storeRules).map(([rule, name]) => ({ name, found: findings[rule as StoreRule] }));
  return [{ name: 'no answer said what cannot be', found: bugs }, ...rules];
}

async function honest(): Promise<Check[]> {
  const begun = performance.now();
  // a short run has no time for everything
  const isWhole = kills >= wholeKillsMin;
  const isEnough = (ledger: Ledger): boolean => !isWhole || missingWork(workDone(ledger)).length === 0;
  const result = await runRound({ name: 'honest', seed, kills, isEnough, say });
  const done = workDone(result.ledger);
  say(`${result.kills} servers and ${result.containerKills} containers killed, ${seconds(begun)} s`);
  say([...done].map(([name, count]) => `${name} ${count}`).join(', '));
  const whole = isWhole ? [{ name: 'every kind of work was done', found: missingWork(done) }] : [];
  return [...checksOf(result), ...whole];
}

async function sabotaged(kind: DropKind): Promise<RoundResult> {
  const result = await runRound({ name: 'sabotaged', seed, kills: sabotagedKills, drop: kind, say });
  say(`dropped on purpose (${kind}): ${result.dropped ?? 'nothing'}`);
  return result;
}

/** The sabotaged run must fail where the dropped write is missed. */
async function foundOut(kind: DropKind): Promise<Check> {
  const begun = performance.now();
  const { findings, dropped } = await sabotaged(kind);
  const name = 'a write that is dropped on purpose is found out';
  if (dropped === undefined) return { name, found: ['nothing was dropped'] };
  const [first] = findings[brokenRule[kind]];
  if (first === undefined) return { name, found: [`"${storeRules[brokenRule[kind]]}" holds without it`] };
  say(`found out in ${seconds(begun)} s: ${first}`);
  return { name, found: [] };
}

function report(check: Check): Check {
  const { name, found } = check;
  console.log(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  for (const text of found.slice(0, shownMax)) console.log(`       ${text}`);
  if (found.length > shownMax) console.log(`       and ${found.length - shownMax} more`);
  return check;
}

function say(text: string): void {
  console.log(`  ${text}`);
}

function seconds(begun: number): string {
  return ((performance.now() - begun) / 1000).toFixed(0);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error(`${name} is a number of at most six digits, not "${text}"`);
  return Number(text);
}
