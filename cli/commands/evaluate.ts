import type { SpecCommand } from '../command.ts';
import {
  adapter,
  base,
  context,
  data,
  generalFlags,
  longRows,
  reportFile,
  seed,
  serverFlags,
  threads,
  device,
} from '../common-flags.ts';
import { evaluateOnServer } from '../named/evaluate-on-server.ts';
import { baseAndAdapter } from '../named/subjects.ts';

/** `lorary evaluate`: figures of a model on held-out rows. */
export const evaluate: SpecCommand = {
  name: 'evaluate',
  aliases: ['eval'],
  summary: 'Measure a base, with an adapter or without, on rows (JSONL, CSV, Parquet).',
  usage: '[--base BASE] [--adapter ADAPTER] --data FILE [flags]',
  mainFlag: 'adapter',
  fixed: { kind: 'evaluate' },
  named: { subjects: baseAndAdapter, run: evaluateOnServer },
  notes: ['An adapter on the server knows its base; one in a folder needs --base.'],
  examples: [
    'lorary eval --adapter french@3 --data held-out.jsonl',
    'lorary eval --adapter french@3 --data held-out.jsonl --general',
    'lorary evaluate --base models/SmolLM2-135M --adapter adapters/mine --data held-out.jsonl',
  ],
  flags: {
    base,
    adapter,
    data,
    rows: { path: 'rowsMax', kind: 'number', value: 'N', help: 'rows used at most, the first ones' },
    ...generalFlags('general'),
    context,
    'long-rows': longRows,
    'batch-tokens': {
      path: 'batchTokens',
      only: 'folders',
      kind: 'number',
      value: 'N',
      help: 'tokens at once: less needs less memory [2048]',
    },
    'bootstrap-samples': {
      path: 'bootstrapSamples',
      kind: 'number',
      value: 'N',
      help: 'resamplings behind the intervals [1000]',
    },
    output: reportFile,
    seed,
    threads,
    device,
    ...serverFlags,
  },
};
