import type { SpecCommand } from '../command.ts';
import { serverFlags } from '../common-flags.ts';
import { composeOnServer } from '../named/compose-on-server.ts';
import { splitWeight } from '../split-weight.ts';
import { members } from '../named/subjects.ts';

/** `lorary compose`: adapters with each other. */
export const compose: SpecCommand = {
  name: 'compose',
  summary: 'Compose adapters of one base with each other into a new adapter.',
  usage: 'ADAPTER[=WEIGHT] ADAPTER[=WEIGHT] ... [--output FOLDER or NAME] [flags]',
  fixed: { kind: 'compose', type: 'cat' },
  named: { subjects: members, run: composeOnServer },
  words(words, spec, place) {
    spec['members'] = words.map((word) => {
      const { path, ...weight } = splitWeight(word);
      return { adapter: place(path), ...weight };
    });
  },
  examples: [
    'lorary compose french@3 polite=0.5 --output french-polite',
    'lorary compose adapters/french adapters/polite --output adapters/both',
    'lorary compose adapters/a=0.7 adapters/b=-0.3 --type svd --rank 16 --output adapters/mix',
  ],
  flags: {
    output: {
      path: 'output',
      kind: 'path',
      value: 'PLACE',
      short: 'o',
      help: 'the new adapter: a folder that does not exist, or a name',
    },
    type: { path: 'type', kind: 'text', value: 'TYPE', help: 'cat (exact), svd or linear [cat]' },
    mode: { path: 'mode', kind: 'text', value: 'MODE', help: "exact, or peft-compatible: PEFT's digits [exact]" },
    'peft-release': {
      path: 'peftRelease',
      kind: 'text',
      value: 'X.Y',
      help: 'the PEFT to be compatible with: 0.20 or 0.21',
    },
    rank: { path: 'rank', kind: 'number', value: 'RANK', help: 'rank of an svd result [the largest of the members]' },
    dtype: { path: 'dtype', kind: 'text', value: 'TYPE', help: 'f32, bf16 or f16 [f32]' },
    'allow-different-bases': {
      path: 'allowDifferentBases',
      kind: 'switch',
      only: 'folders',
      help: 'compose adapters that name different bases',
    },
    ...serverFlags,
  },
};
