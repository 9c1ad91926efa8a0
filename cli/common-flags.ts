import type { Flag } from './command.ts';

/** Flags that several commands have. */
export const base: Flag = { path: 'base', kind: 'path', value: 'FOLDER', help: 'base model in Hugging Face layout' };
export const adapter: Flag = { path: 'adapter', kind: 'path', value: 'FOLDER', help: "LoRA adapter in PEFT's layout" };
export const data: Flag = {
  path: 'data',
  kind: 'path',
  value: 'FILE',
  help: 'rows {"messages"}, {"prompt","completion"} or {"text"}',
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
  help: 'JSON file for the report',
};
export const seed: Flag = { path: 'seed', kind: 'number', value: 'N', help: 'start of all random choices [0]' };
export const threads: Flag = {
  path: 'threads',
  kind: 'number',
  value: 'N',
  help: 'threads of one operator [all cores]',
};
