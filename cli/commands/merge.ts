import type { SpecCommand } from '../command.ts';
import { DomainError } from '../../shared/errors.ts';
import { adapter, base, serverFlags, threads } from '../common-flags.ts';
import { mergeOnServer } from '../named/merge-on-server.ts';
import { baseAndAdapter } from '../named/subjects.ts';

/** `lorary merge`: an adapter into its base. */
export const merge: SpecCommand = {
  name: 'merge',
  summary: 'Merge an adapter into its base: a model that needs no adapter any more.',
  usage: '[--base FOLDER] --adapter ADAPTER --output FOLDER or NAME [flags]',
  fixed: { kind: 'merge' },
  named: { subjects: baseAndAdapter, run: mergeOnServer },
  words(words) {
    if (words.length === 0) return;
    throw new DomainError(
      'usage',
      words.length === 1
        ? `merge takes flags only; did you mean "lorary merge --adapter ${words[0]}"?`
        : `merge puts one adapter into its base; for adapters with each other, did you mean "lorary compose ${words.join(' ')}"?`,
    );
  },
  notes: ['An adapter on the server knows its base; one in a folder needs --base.'],
  examples: [
    'lorary merge --adapter french@3 --output french-merged',
    'lorary merge --base models/SmolLM2-135M --adapter adapters/mine --output models/mine',
  ],
  flags: {
    base,
    adapter,
    output: {
      path: 'output',
      kind: 'path',
      value: 'PLACE',
      short: 'o',
      help: 'the merged model: a folder that does not exist, or the name of a base',
    },
    dtype: { path: 'dtype', kind: 'text', value: 'TYPE', help: 'keep, f32, bf16 or f16 [keep]' },
    'max-shard-bytes': { path: 'maxShardBytes', kind: 'number', value: 'BYTES', help: 'largest weight file [5e9]' },
    threads,
    ...serverFlags,
  },
};
