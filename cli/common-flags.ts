import type { Flag } from './command.ts';
import { limits } from '../shared/limits.ts';

/** Flags that several commands have. */
export const base: Flag = {
  path: 'base',
  kind: 'path',
  value: 'BASE',
  help: 'base model: a folder in Hugging Face layout, or a name of the server',
};
export const adapter: Flag = {
  path: 'adapter',
  kind: 'path',
  value: 'ADAPTER',
  help: "LoRA adapter: a folder in PEFT's layout, or NAME, NAME@3, NAME@production",
};
export const data: Flag = {
  path: 'data',
  kind: 'path',
  value: 'FILE',
  help: 'rows {"messages"}, {"prompt","completion"} or {"text"}; on the server a file or a name',
};
export const context: Flag = {
  path: 'contextTokens',
  kind: 'number',
  value: 'TOKENS',
  help: "longest row [the base's context]",
};
export const longRows: Flag = {
  path: 'longRows',
  kind: 'text',
  value: 'HOW',
  help: 'longer rows: refuse, truncate or split [refuse]',
};
export const reportFile: Flag = {
  path: 'output',
  kind: 'path',
  value: 'FILE',
  short: 'o',
  only: 'folders',
  help: 'JSON file for the report',
};
export const seed: Flag = { path: 'seed', kind: 'number', value: 'N', help: 'start of all random choices [0]' };
export const threads: Flag = {
  path: 'threads',
  kind: 'number',
  value: 'N',
  only: 'folders',
  help: 'threads of one operator [all cores]',
};
export const device: Flag = {
  path: 'device',
  kind: 'text',
  value: 'DEVICE',
  only: 'folders',
  help: 'cpu, cuda (the first GPU) or cuda:N [cpu]',
};
/** Of every command that can start a job on the server. */
/** What was learnt and what was forgotten; `where` is the place of `general` in the spec. */
export const generalFlags = (where: string): Readonly<Record<'general' | 'general-data', Flag>> => ({
  general: {
    path: `${where}.rowsMax`,
    kind: 'switch',
    set: limits.scaleRowsMax,
    help: 'score seven scales of the adapter on the rows and on a general text: what was learnt, and what forgotten',
  },
  'general-data': {
    path: `${where}.data`,
    kind: 'path',
    value: 'FILE',
    help: 'the same with rows of your own as the general text',
  },
});

export const serverFlags = {
  'dry-run': {
    path: 'named.dryRun',
    kind: 'switch',
    only: 'names',
    help: 'on the server: only tell what it would take',
  },
  'max-seconds': {
    path: 'named.budget.maxSeconds',
    kind: 'number',
    value: 'S',
    only: 'names',
    help: 'on the server: machine time after which it saves its work and ends',
  },
  'max-dollars': {
    path: 'named.budget.maxDollars',
    kind: 'number',
    value: 'N',
    only: 'names',
    help: 'on the server: the same in dollars',
  },
  detach: { path: 'named.detach', kind: 'switch', only: 'names', help: 'on the server: do not wait for the end' },
} as const satisfies Readonly<Record<string, Flag>>;
