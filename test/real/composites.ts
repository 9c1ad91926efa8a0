import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCompose } from '../../gpu-job/jobs/compose.ts';
import { composeSpecSchema } from '../../shared/contract/specs/compose.ts';
import { fixturePath, readFixtureJson, type HuggingFaceInputs } from '../parity/fixture.ts';
import { compareWithPeft, type PeftComparison } from './peft.ts';
import { places } from './places.ts';

/** Four adapters that PEFT made: ranks 4, 2, 4 with a pattern of 6, and rank-stabilised; no two on the same modules. */
const members = { one: 1, small: -0.5, pattern: 0.75, stabilised: 0.5 };

const recipes = {
  'exact cat': { type: 'cat' },
  'exact svd of rank 5': { type: 'svd', rank: 5 },
  'peft-compatible cat': { type: 'cat', mode: 'peft-compatible' },
};

/** Composes adapters of unequal ranks in our ways and has PEFT load what we wrote, on the tiny base. */
export async function composeAndCompare(): Promise<(PeftComparison & { readonly name: string })[]> {
  const folder = join(places.cache, 'composites');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { input_ids } = await readFixtureJson<HuggingFaceInputs>('llama-tiny', 'inputs.json');
  const results: (PeftComparison & { name: string })[] = [];
  for (const [name, recipe] of Object.entries(recipes)) {
    const output = join(folder, name.replaceAll(' ', '-'));
    const sources = Object.entries(members).map(([source, weight]) => ({
      adapter: fixturePath('combine', 'sources', source),
      weight,
    }));
    const spec = composeSpecSchema.parse({ kind: 'compose', ...recipe, members: sources, output });
    await runCompose(spec, { emit() {}, stopRequested: () => false, now: () => performance.now() });
    results.push({ name, ...(await compareWithPeft(fixturePath('llama-tiny', 'base'), output, input_ids)) });
  }
  return results;
}
