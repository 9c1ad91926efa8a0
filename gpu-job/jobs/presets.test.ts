import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { trainPresets } from '../../shared/contract/specs/train-presets.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { runTrain } from './train.ts';

const examples = join(import.meta.dirname, '../../examples');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-presets-'));
  for (const [file, count] of [
    ['train', 200],
    ['held-out', 16],
  ] as const) {
    const lines = (await readFile(join(examples, 'datasets/noun-classes', `${file}.jsonl`), 'utf8')).split('\n');
    await writeFile(join(folder, `${file}.jsonl`), lines.slice(0, count).join('\n'));
  }
});
afterAll(() => rm(folder, { recursive: true }));

test.each(trainPresets.map(({ name }) => name))(
  'a few steps by the preset %s lower the loss of the example, and its settings are what is recorded',
  async (preset) => {
    const output = join(folder, preset);
    const spec = trainSpecSchema.parse({
      kind: 'train',
      base: join(examples, 'tiny-base'),
      output,
      data: { train: join(folder, 'train.jsonl'), eval: join(folder, 'held-out.jsonl') },
      method: { kind: 'lora' },
      steps: 12,
      preset,
      threads: 1,
    });
    const report = await runTrain(spec, rememberingContext());
    expect(report.evalLoss).toBeLessThan((report.evalLossBefore ?? 0) - 0.02);
    const recipe = JSON.parse(await readFile(join(output, 'training.json'), 'utf8')) as { spec: object };
    expect(recipe.spec).not.toHaveProperty('preset');
    expect(recipe.spec).toMatchObject({ optimizer: { learningRate: spec.optimizer.learningRate }, steps: 12 });
  },
  120_000,
);
