import { describe, expect, it } from 'vitest';
import { peftRank, type CombinationOptions, type CombinationPlan } from '../../shared/domain/combination-rules.ts';
import { distanceFromSum, relativeDistance, type Distance } from '../../gpu-job/combine/distance.ts';
import type { WeightedSum } from '../../gpu-job/combine/low-rank.ts';
import { findCombination } from '../../gpu-job/combine/registry.ts';
import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import { fixturePath, readFixtureJson, relativeDeviation } from './fixture.ts';

/** One recipe of `record.py`. */
interface Recipe {
  readonly combination_type: string;
  readonly weights: Readonly<Record<string, number>>;
  readonly svd_rank?: number;
  /** PEFT's refusal. */
  readonly refused?: string;
  /** Of PEFT's result from the weighted sum, with the scaling that PEFT gives the result. */
  readonly distance?: number;
  readonly scaling?: readonly number[];
}
interface Recorded {
  readonly recipes: Readonly<Record<string, Recipe>>;
}

const names = ['one', 'two', 'small', 'pattern', 'stabilised'];
const recorded = await readFixtureJson<Recorded>('combine', 'expected.json');
const older = await readFixtureJson<Recorded>('combine-peft-0.20', 'expected.json');
const sources = new Map(
  await Promise.all(
    names.map(async (name) => [name, await readAdapterFolder(fixturePath('combine', 'sources', name))] as const),
  ),
);
/** The recipes in `combine` and those of an older PEFT, with what that release does. */
const accepted = [
  ...Object.entries(recorded.recipes)
    .filter(([, recipe]) => recipe.refused === undefined)
    .map(([name, recipe]) => ['combine', name, recipe, {}] as const),
  ...Object.entries(older.recipes).map(
    ([name, recipe]) => ['combine-peft-0.20', name, recipe, { peftRelease: '0.20' }] as const,
  ),
];
const refused = Object.entries(recorded.recipes).filter(([, recipe]) => recipe.refused !== undefined);

describe.each(accepted)('%s/%s', (folder, name, recipe, options) => {
  it('is what PEFT makes of it: linear and cat to the digit, svd as a product', async () => {
    const theirs = await readAdapterFolder(fixturePath(folder, name));
    const ours = combine(recipe, options);
    expect([...ours.keys()].toSorted()).toEqual([...theirs.modules.keys()].toSorted());
    for (const [module, { result }] of ours) {
      const truth = theirs.modules.get(module);
      expect(result.r, module).toBe(truth?.r);
      if (recipe.combination_type === 'svd' && Object.keys(recipe.weights).length > 1)
        // singular vectors are known up to their sign only
        expect(relativeDeviation(product(result, truth), product(truth, truth)), module).toBeLessThan(1e-5);
      else {
        expect(differences(result.A, truth?.A), `${module} A`).toBe(0);
        expect(differences(result.B, truth?.B), `${module} B`).toBe(0);
      }
    }
  });

  it('is as far from the weighted sum as PEFT is', () => {
    const scaling = recipe.scaling?.[0] ?? 1;
    const distances: Distance[] = [...combine(recipe, options).values()].map(({ result, sum }) =>
      // PEFT lets the result inherit use_rslora, and so a scaling other than 1
      distanceFromSum({ ...result, B: result.B.map((value) => value * scaling) }, sum),
    );
    expect(Math.abs(relativeDistance(distances) - Number(recipe.distance))).toBeLessThan(1e-5);
  });
});

it.each(refused)('%s is refused, as PEFT does', (_, recipe) => {
  const findings = findCombination(recipe.combination_type).refusals(planOf(recipe));
  expect(findings.map((finding) => finding.code)).toContain('combination-unequal-ranks');
});

it('tells what PEFT before 0.21 did from what it does since', async () => {
  const recipe = older.recipes['svd-two'];
  if (!recipe) throw new Error('svd-two was recorded');
  const theirs = await readAdapterFolder(fixturePath('combine-peft-0.20', 'svd-two'));
  for (const [module, { result }] of combine(recipe, { peftRelease: '0.21' })) {
    const truth = theirs.modules.get(module);
    expect(relativeDeviation(product(result, truth), product(truth, truth)), module).toBeGreaterThan(0.1);
  }
});

/** Every module's sum and what the combination makes of it, in the way of PEFT. */
function combine(recipe: Recipe, options: CombinationOptions) {
  const kind = Object.keys(recipe.weights).length === 1 ? 'linear' : recipe.combination_type; // as PEFT does
  const combination = findCombination(kind);
  const plan = planOf(recipe, options);
  expect(combination.refusals(plan)).toEqual([]);
  const rank = combination.peftRank(
    plan.members.map((member) => member.peftRank),
    plan.options,
  );
  return new Map(
    sumsOf(recipe).map((sum) => [sum.module, { sum, result: combination.peftCompatible(sum, rank, plan.options) }]),
  );
}

function planOf(recipe: Recipe, options: CombinationOptions = {}): CombinationPlan {
  return {
    mode: 'peft-compatible',
    options: recipe.svd_rank === undefined ? options : { ...options, rank: recipe.svd_rank },
    members: Object.keys(recipe.weights).map((name) => ({ name, peftRank: peftRank(source(name).config) })),
    modules: sumsOf(recipe).map((sum) => ({ ...sum, ranks: sum.updates.map((update) => update.r) })),
  };
}

function sumsOf(recipe: Recipe): WeightedSum[] {
  const members = Object.entries(recipe.weights).map(([name, weight]) => ({ adapter: source(name), weight }));
  const modules = new Set(members.flatMap(({ adapter }) => [...adapter.modules.keys()]));
  return [...modules].map((module) => {
    const parts = members.flatMap(({ adapter, weight }) => {
      const found = adapter.modules.get(module);
      return found ? [{ ...found, weight }] : [];
    });
    const [first] = parts;
    if (!first) throw new Error(`${module} came from a member`);
    return { module, inFeatures: first.inFeatures, outFeatures: first.outFeatures, updates: parts };
  });
}

function source(name: string): LoraAdapter {
  const adapter = sources.get(name);
  if (!adapter) throw new Error(`there is no source ${name}`);
  return adapter;
}

/** B A in float64. */
function product(
  factors: { readonly r: number; readonly A: Float32Array; readonly B: Float32Array } | undefined,
  shape: { readonly inFeatures: number; readonly outFeatures: number } | undefined,
): number[] {
  if (!factors || !shape) return [];
  const { r, A, B } = factors;
  const values: number[] = [];
  for (let row = 0; row < shape.outFeatures; row++)
    for (let column = 0; column < shape.inFeatures; column++) {
      let dot = 0;
      for (let k = 0; k < r; k++) dot += (B[row * r + k] as number) * (A[k * shape.inFeatures + column] as number);
      values.push(dot);
    }
  return values;
}

/** How many entries are not the same number; the two zeros are one. */
function differences(ours: Float32Array, theirs: Float32Array | undefined): number {
  if (ours.length !== theirs?.length) return Infinity;
  return ours.filter((value, i) => value !== theirs[i]).length;
}
