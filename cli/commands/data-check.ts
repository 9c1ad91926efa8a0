import type { SpecCommand } from '../command.ts';
import { base, context, data } from '../common-flags.ts';
import { checkDataOnServer } from '../named/check-data-on-server.ts';
import { baseAlone } from '../named/subjects.ts';

/** `lorary data check`: what training would say to a dataset. */
export const dataCheck: SpecCommand = {
  name: 'data check',
  summary: 'Check a dataset against a base: format, tokens, long rows, duplicates.',
  usage: '--base BASE --data FILE [flags]',
  notes: ['Ends with 2 when training would refuse the dataset; the report is printed all the same.'],
  fixed: { kind: 'data-check' },
  named: { subjects: baseAlone, run: checkDataOnServer },
  examples: [
    'lorary data check --base tiny --data rows.jsonl',
    'lorary data check --base models/SmolLM2-135M --data rows.jsonl',
  ],
  flags: {
    base: { ...base, help: 'base, a folder or a name, whose tokenizer and chat template are used' },
    data,
    context,
    preview: {
      path: 'previewRows',
      kind: 'number',
      value: 'N',
      help: 'show the first N rows, [[what is trained]] marked',
    },
  },
};
