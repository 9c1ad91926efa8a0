import { expect, test } from 'vitest';
import type { DomainError } from '../../errors.ts';
import { jobRequestSchema } from '../job-requests.ts';
import { parseSpec } from './parse-spec.ts';
import { presetSources, trainPresets, withoutPresetSettings, withPreset, type TrainPreset } from './train-presets.ts';

const spec = { kind: 'train', base: 'b', output: 'o', data: { train: 't' }, method: { kind: 'lora' } };
const request = { kind: 'train', base: 'b', dataset: 'd', output: { adapter: 'a' } };

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((here, key) => (here as Readonly<Record<string, unknown>> | undefined)?.[key], value);

const findings = (value: unknown): string[] => {
  try {
    parseSpec(value);
    return [];
  } catch (error) {
    return (error as DomainError).findings.map(({ where, message }) => `${where} ${message}`);
  }
};

/** What is wrong with a preset as such. */
function faultsOf(preset: TrainPreset): string[] {
  const { name: _, ...filled } = withPreset({ ...spec, name: '', preset: preset.name }, [preset]) as { name: string };
  const cited = [...JSON.stringify(preset).matchAll(/\[([\d, ]+)\]/g)].flatMap(([, numbers = '']) =>
    numbers.split(', '),
  );
  return [
    ...findings(filled),
    ...cited.filter((number) => !(number in presetSources)).map((number) => `there is no source ${number}`),
    ...preset.settings.filter(({ reason }) => reason.trim() === '').map(({ path }) => `${path} has no reason`),
  ];
}

test('every preset is a sound spec whose numbers have reasons and sources; one that is not is found out', () => {
  for (const preset of trainPresets) expect(faultsOf(preset)).toEqual([]);
  const [quick] = trainPresets;
  if (!quick) throw new Error('there is a preset');
  const settings = [
    ...quick.settings,
    { path: 'optimizer.rate', value: 1, reason: ' ' },
    { path: 'schedule.warmupRatio', value: 2, reason: 'as in [9]' },
  ];
  expect(faultsOf({ ...quick, settings })).toEqual([
    'optimizer.rate is not a known key',
    'schedule.warmupRatio is 2; wanted is at most 1',
    'there is no source 9',
    'optimizer.rate has no reason',
  ]);
});

test('a preset is resolved in a spec, a request, a sweep and in what tasks share, and its name is gone', () => {
  for (const { name, settings } of trainPresets) {
    const own = parseSpec({ ...spec, preset: name });
    const asked = jobRequestSchema.parse({ ...request, preset: name });
    const sweep = parseSpec({
      kind: 'sweep',
      train: { base: 'b', data: { train: 't', evalFraction: 0.1 }, method: { kind: 'lora' }, preset: name },
      over: { learningRate: [0.1] },
      output: 'o',
    });
    const tasks = parseSpec({
      kind: 'train-tasks',
      train: { base: 'b', method: { kind: 'lora', config: { lora_dropout: 0 } }, preset: name },
      tasks: [{ name: 'one', data: { train: 't' } }],
      output: 'o',
    });
    for (const filled of [own, asked, at(sweep, 'train'), at(tasks, 'train')]) {
      expect(filled).not.toHaveProperty('preset');
      for (const { path, value } of settings)
        if (path !== 'method.config.lora_dropout') expect([path, at(filled, path)]).toEqual([path, value]);
    }
    // read again, as it is recorded, it is the same
    expect(parseSpec(own)).toEqual(own);
    expect(jobRequestSchema.parse(asked)).toEqual(asked);
  }
});

test('whatever is given stands, and a length or size of another kind takes the place of that of the preset', () => {
  const config = { r: 3, target_modules: ['q_proj'] };
  const given = { method: { kind: 'lora', config }, optimizer: { learningRate: 1, weightDecay: 0.5 } };
  const parsed = parseSpec({ ...spec, ...given, tokens: 1000, batch: { tokens: 64 }, preset: 'quick' });
  expect(parsed).toMatchObject({ ...given, tokens: 1000, batch: { tokens: 64 } });
  expect(at(parsed, 'method.config.lora_alpha')).toBe(32);
  expect(at(parsed, 'steps')).toBeUndefined();
  expect(at(parsed, 'batch.rows')).toBeUndefined();
});

test('an adapter that is gone on from keeps its config; full fine-tuning is refused', () => {
  const from = parseSpec({ ...spec, method: { kind: 'continue', from: 'f' }, preset: 'small-model' });
  expect(from).toMatchObject({
    method: { kind: 'continue', config: {} },
    optimizer: { learningRate: 1e-3 },
    epochs: 2,
  });
  expect(findings({ ...spec, method: { kind: 'full' }, preset: 'default' })).toEqual([
    'preset is for LoRA: with full fine-tuning give the settings themselves',
  ]);
});

test('a name that is none is told with all others, and with everything else that is wrong', () => {
  expect(findings({ ...spec, preset: 'defualt', steps: 0 })).toEqual([
    'steps is 0; wanted is at least 1',
    'preset is "defualt"; wanted is "quick" or "default" or "small-model" or "instruct" or "many-rows" or "memory"',
  ]);
  expect(findings({ ...spec, preset: 7, method: 'lora' })).toHaveLength(2);
  expect(
    jobRequestSchema.safeParse({ kind: 'merge', adapter: 'a', output: { base: 'b' }, preset: 'quick' }).success,
  ).toBe(false);
});

test('what a preset would say can be taken out of a request, so that a fork may have another', () => {
  const [quick] = trainPresets;
  if (!quick) throw new Error('there is a preset');
  const asked = jobRequestSchema.parse({ ...request, epochs: 5, batch: { tokens: 64 }, seed: 3 });
  const kept = withoutPresetSettings({ ...asked }, quick);
  expect(kept).toMatchObject({ seed: 3, optimizer: { weightDecay: 0 } });
  expect(jobRequestSchema.parse({ ...kept, preset: 'quick' })).toMatchObject({
    steps: 100,
    batch: { rows: 8 },
    method: { config: { r: 8, lora_alpha: 32 } },
    seed: 3,
  });
});
