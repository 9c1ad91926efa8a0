import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { trainPresets, type TrainPreset } from '../../shared/contract/specs/train-presets.ts';

/** Settings of presets that their rows in a text do not say; what all have alike stands below the table. */
function missing(text: string, presets: readonly TrainPreset[]): string[] {
  const shared = ['method.config.target_modules', 'method.config.lora_alpha'];
  return presets.flatMap(({ name, settings }) => {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` `));
    if (row === undefined) return [`${name} has no row`];
    const cells = row.split('|').map((cell) => cell.trim());
    return settings
      .filter(({ path }) => !shared.includes(path))
      .filter(
        ({ path, value }) => !cells.includes(String(value)) && !row.includes(`\`${path.split('.').at(-1)}\` ${value}`),
      )
      .map(({ path, value }) => `${name} does not say ${path} ${value}`);
  });
}

test('docs/jobs.md has every preset with its numbers; another number, and a preset without a row, are found', async () => {
  const text = await readFile('docs/jobs.md', 'utf8');
  expect(missing(text, trainPresets)).toEqual([]);
  const [quick] = trainPresets;
  if (!quick) throw new Error('there is a preset');
  const settings = quick.settings.map((setting) => (setting.path === 'steps' ? { ...setting, value: 99 } : setting));
  expect(missing(text, [{ ...quick, settings }])).toEqual(['quick does not say steps 99']);
  expect(missing(text.replace('| `quick` ', '| quick '), [quick])).toEqual(['quick has no row']);
});
