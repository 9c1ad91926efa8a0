/**
 * `npm run test:crash`: clients do mixed work while their server is killed at random moments; at the end the store is held against what
 * they were told. Then a short run in which one acknowledged write is dropped must be found out. `--seed` and `--kills` choose the run.
 * `--sabotage` does only the second and fails, as it should; `--drop` chooses the write. The last line is `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { uniform } from '../support/random-base.ts';
import type { Ledger } from './check/ledger.ts';
import type { DropKind } from './dropping-world.ts';
import { randomKills } from './random-kills.ts';
import { checkFoundOut, checksOf, dropOf, reportChecks, say, wholeNumber, type Check } from './round-checks.ts';
import { runRound, type RoundResult } from './round.ts';
import { missingWork, workDone } from './work-done.ts';

const wholeKillsMin = 20;
const sabotagedKills = 3;

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
const drop = dropOf(values.drop, seed);

console.log(`Seed ${seed}. What a failed run leaves is in .cache/crash until the next one.`);
reportChecks(
  values.sabotage ? checksOf(await sabotaged(drop)) : [...(await honest()), checkFoundOut(await sabotaged(drop), drop)],
);

async function honest(): Promise<Check[]> {
  const begun = performance.now();
  // a short run has no time for everything
  const isWhole = kills >= wholeKillsMin;
  const isEnough = (ledger: Ledger): boolean => !isWhole || missingWork(workDone(ledger)).length === 0;
  const killing = randomKills({ kills, random: uniform(seed + 1), say });
  const result = await runRound({ name: 'honest', seed, killing, isEnough });
  const done = workDone(result.ledger);
  say(`${result.kills} servers and ${result.containerKills} containers killed, ${seconds(begun)} s`);
  say([...done].map(([name, count]) => `${name} ${count}`).join(', '));
  const whole = isWhole ? [{ name: 'every kind of work was done', found: missingWork(done) }] : [];
  return [...checksOf(result), ...whole];
}

async function sabotaged(kind: DropKind): Promise<RoundResult> {
  const begun = performance.now();
  const killing = randomKills({ kills: sabotagedKills, random: uniform(seed + 1), say });
  const result = await runRound({ name: 'sabotaged', seed, killing, drop: kind });
  say(`dropped on purpose (${kind}, ${seconds(begun)} s): ${result.dropped ?? 'nothing'}`);
  return result;
}

function seconds(begun: number): string {
  return ((performance.now() - begun) / 1000).toFixed(0);
}
