/**
 * `npm run soak`: clients do mixed work for `--minutes` while their server is killed once every 30 seconds; at the end a reader that uses
 * nothing of the product holds the store against what the clients were told. With `--sabotage` one acknowledged write is dropped
 * (`--drop` chooses which) and the run fails by the rule that misses it. `--seed` chooses the run. The last line is `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import type { StoreFindings, StoreRule } from '../crash/check/check-store.ts';
import { readLedger, type Ledger } from '../crash/check/ledger.ts';
import { checksOf, dropOf, reportChecks, say, wholeNumber, type Check } from '../crash/round-checks.ts';
import { runRound, type RoundResult } from '../crash/round.ts';
import { placesOf } from '../crash/settings.ts';
import { workDone } from '../crash/work-done.ts';
import { steadyKills } from './steady-kills.ts';

/** What a minute has at least. */
const writesPerMinuteMin = 500;
const killsPerMinuteMin = 1.5;
/** A short run is killed more often, or it would say nothing of kills. */
const killEverySecondsMax = 30;
const killsMin = 4;

/** Which rules say what the last line of figures counts. */
const lost: readonly StoreRule[] = ['promises', 'jobs', 'audit'];
const orphans: readonly StoreRule[] = ['leftOvers', 'uploads', 'processes'];
const broken: readonly StoreRule[] = ['blobs', 'adapters', 'records'];

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(1 + Math.floor(1e6 * Math.random())) },
    drop: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
  },
});
const seed = wholeNumber('--seed', values.seed);
const minutes = wholeNumber('--minutes', values.minutes);
if (minutes < 1) throw new Error('--minutes is at least 1');
const drop = values.sabotage || values.drop !== undefined ? dropOf(values.drop, seed) : undefined;

const name = drop === undefined ? 'soak' : 'sabotaged-soak';
const seconds = 60 * minutes;
const everySeconds = Math.min(killEverySecondsMax, seconds / (killsMin + 0.5));
const bounds = { writes: writesPerMinuteMin * minutes, kills: killsPerMinuteMin * minutes };
console.log(
  `Seed ${seed}; ${minutes} min, a kill every ${everySeconds.toFixed(0)} s; what is left is in .cache/crash/${name}.`,
);
say(`at least ${bounds.writes} acknowledged writes and ${bounds.kills} kills`);

const begun = performance.now();
const result = await runRound({
  name,
  seed,
  killing: steadyKills({ seconds, everySeconds, progress }),
  ...(drop === undefined ? {} : { drop }),
});
reportChecks([...checksOf(result), ...boundsOf(result)]);

function progress(kill: number): void {
  const writes = acknowledged(readLedger(placesOf(name).ledger));
  say(`${((performance.now() - begun) / 1000).toFixed(0)} s: ${writes} writes, kill ${kill}`);
}

function boundsOf({
  ledger,
  kills,
  containerKills,
  recoveryMilliseconds,
  workSeconds,
  findings,
  dropped,
}: RoundResult): Check[] {
  const writes = acknowledged(ledger);
  const recoveries = recoveryMilliseconds.toSorted((a, b) => a - b);
  const inSeconds = (milliseconds: number | undefined): string => ((milliseconds ?? NaN) / 1000).toFixed(1);
  say([...workDone(ledger)].map(([kind, count]) => `${kind} ${count}`).join(', '));
  say(`${writes} acknowledged writes in ${workSeconds.toFixed(0)} s, ${(writes / workSeconds).toFixed(1)} a second`);
  say(`${kills} servers and ${containerKills} containers killed`);
  const median = inSeconds(recoveries[Math.floor(recoveries.length / 2)]);
  say(`from a kill to the next answer: median ${median} s, at most ${inSeconds(recoveries.at(-1))} s`);
  say(
    `lost ${count(findings, lost)}, orphans ${count(findings, orphans)}, broken references ${count(findings, broken)}`,
  );
  if (drop !== undefined) say(`dropped on purpose (${drop}): ${dropped ?? 'nothing'}`);
  const tooFew = (what: string, is: number, min: number): string[] => (is < min ? [`${is} ${what}, not ${min}`] : []);
  return [
    { name: 'enough was written', found: tooFew('acknowledged writes', writes, bounds.writes) },
    { name: 'enough servers were killed', found: tooFew('kills', kills, bounds.kills) },
  ];
}

/** Calls that were answered with success and changed something. */
function acknowledged(ledger: Ledger): number {
  return ledger.filter(({ kind }) => kind === 'change' || kind === 'alias' || kind === 'withdrawn').length;
}

function count(findings: StoreFindings, rules: readonly StoreRule[]): number {
  return rules.reduce((sum, rule) => sum + findings[rule].length, 0);
}
