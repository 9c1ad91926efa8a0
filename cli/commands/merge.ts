import type { SpecCommand } from '../command.ts';
import { adapter, base, threads } from '../common-flags.ts';

/** `lorary merge`: an adapter into its base. */
export const merge: SpecCommand = {
  name: 'merge',
  summary: 'Merge an adapter into its base: a model that needs no adapter any more.',
  usage: '--base FOLDER --adapter FOLDER --output FOLDER [flags]',
  fixed: { kind: 'merge' },
  examples: ['lorary merge --base models/SmolLM2-135M --adapter adapters/mine --output models/mine'],
  flags: {
    base,
    adapter,
    output: { path: 'output', kind: 'path', value: 'FOLDER', short: 'o', help: 'the merged model; must not exist' },
    dtype: { path: 'dtype', kind: 'text', value: 'TYPE', help: 'keep, f32, bf16 or f16 [keep]' },
    'max-shard-bytes': { path: 'maxShardBytes', kind: 'number', value: 'BYTES', help: 'largest weight file [5e9]' },
    threads,
  },
};
