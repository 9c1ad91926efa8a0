import { resolve } from 'node:path';
import type { SpecCommand } from '../command.ts';

/** `lorary compose`: adapters with each other. */
export const compose: SpecCommand = {
  name: 'compose',
  summary: 'Compose adapters of one base with each other into a new adapter.',
  usage: 'ADAPTER[=WEIGHT] ADAPTER[=WEIGHT] ... --output FOLDER [flags]',
  fixed: { kind: 'compose', type: 'cat' },
  words(words, spec) {
    spec['members'] = words.map((word) => {
      const [, folder = word, weight] = /^(.*)=([^=/\\]*)$/s.exec(word) ?? [];
      return { adapter: resolve(folder), ...(weight === undefined ? {} : { weight: asNumber(weight) }) };
    });
  },
  examples: [
    'lorary compose adapters/french adapters/polite --output adapters/both',
    'lorary compose adapters/a=0.7 adapters/b=-0.3 --type svd --rank 16 --output adapters/mix',
  ],
  flags: {
    output: { path: 'output', kind: 'path', value: 'FOLDER', short: 'o', help: 'the new adapter; must not exist' },
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
      help: 'compose adapters that name different bases',
    },
  },
};

/** What is no number stays text, for the spec's own message. */
const asNumber = (text: string): unknown => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : text);
