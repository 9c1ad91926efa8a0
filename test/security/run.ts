/**
 * `npm run test:security`: what the product promises against people who mean harm, and against accidents in the middle of a change.
 * `--only fuzz` runs one section, `--seed` chooses the run. The last line is `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { createReport } from '../support/checks-report.ts';
import { runFuzz } from './fuzz/run-fuzz.ts';
import { killsSection } from './kills/kills.ts';
import { runRaces } from './races/run-races.ts';
import type { Section } from './section.ts';
import { runStoreKills } from './store-kills/run-store-kills.ts';

const sections: Readonly<Record<string, Section>> = {
  fuzz: runFuzz,
  kills: killsSection({ kills: 12, allowanceSeconds: 30, slackSeconds: 0 }),
  races: runRaces,
  'store-kills': runStoreKills,
};

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed is a whole number, not "${values.seed}"`);
if (values.only !== undefined && !Object.hasOwn(sections, values.only))
  throw new Error(`--only is one of ${Object.keys(sections).join(', ')}`);

const report = createReport();
for (const [name, section] of Object.entries(sections)) {
  if (values.only !== undefined && values.only !== name) continue;
  console.log(`${name}, seed ${seed}`);
  await section(report, seed);
}
report.end();
