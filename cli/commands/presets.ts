import { presetSources, trainPresets, type PresetSetting } from '../../shared/contract/specs/train-presets.ts';
import { flagAt } from '../build-spec.ts';
import { runCommand } from '../command.ts';
import { train } from './train.ts';

/** `lorary presets`: settings of training runs under one name, and why each is what it is. */
export const presets = runCommand({
  name: 'presets',
  summary: 'List the presets of training runs: every setting with its reason.',
  usage: '',
  notes: ['lorary train --preset NAME takes from it what is not given; what is recorded are the settings.'],
  examples: ['lorary presets', 'lorary presets --json'],
  flags: {},
  run({ json }, io) {
    if (json) io.print(JSON.stringify({ presets: trainPresets, sources: presetSources }));
    else io.print([...trainPresets.map(presetText), sourcesText()].join('\n\n'));
    return Promise.resolve(0);
  },
});

const presetText = ({ name, summary, settings }: (typeof trainPresets)[number]): string =>
  [`${name}: ${summary}`, ...settings.map((setting) => `  ${settingText(setting)}`)].join('\n');

function settingText({ path, value, reason }: PresetSetting): string {
  const flag = flagAt(train, path) ?? path;
  // a switch that sets just this is typed without it
  const isSwitch = train.flags[flag.slice(2)]?.kind === 'switch';
  return `${isSwitch ? flag : `${flag} ${value}`}: ${reason}`;
}

const sourcesText = (): string =>
  ['Sources', ...Object.entries(presetSources).map(([number, source]) => `  [${number}] ${source}`)].join('\n');
