import type { Command, Flag } from '../command.ts';

const base: Flag = {
  path: 'base',
  kind: 'path',
  value: 'FOLDER',
  help: 'base model (or a merged one) in Hugging Face layout',
};
const adapter: Flag = { path: 'adapter', kind: 'path', value: 'FOLDER', help: 'LoRA adapter around it' };
const output: Flag = { path: 'output', kind: 'path', value: 'FILE', short: 'o', help: 'JSON file for the report' };
const seed: Flag = { path: 'seed', kind: 'number', value: 'N', help: 'start of all random choices [0]' };
const threads: Flag = { path: 'threads', kind: 'number', value: 'N', help: 'threads of one operator [all cores]' };

/** `lorary evaluate`: figures of a model on held-out rows. */
export const evaluate: Command = {
  name: 'evaluate',
  summary: 'Measure a base, with an adapter or without, on rows of JSONL.',
  usage: '--base FOLDER [--adapter FOLDER] --data FILE [flags]',
  fixed: { kind: 'evaluate' },
  examples: ['lorary evaluate --base models/SmolLM2-135M --adapter adapters/mine --data held-out.jsonl'],
  flags: {
    base,
    adapter,
    data: { path: 'data', kind: 'path', value: 'FILE', help: 'rows {"messages"}, {"prompt","completion"} or {"text"}' },
    rows: { path: 'rowsMax', kind: 'number', value: 'N', help: 'rows used at most, the first ones' },
    context: { path: 'contextTokens', kind: 'number', value: 'TOKENS', help: "longest row [the base's context]" },
    'long-rows': {
      path: 'longRows',
      kind: 'text',
      value: 'HOW',
      help: 'longer rows: refuse, truncate or split [refuse]',
    },
    'batch-tokens': {
      path: 'batchTokens',
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
    output,
    seed,
    threads,
  },
};

/** `lorary generate`: text from a model. */
export const generate: Command = {
  name: 'generate',
  summary: 'Continue prompts with a base, with an adapter or without.',
  usage: '--base FOLDER [--adapter FOLDER] PROMPT ... [flags]',
  fixed: { kind: 'generate' },
  words(words, spec) {
    const chats = spec['prompts'];
    spec['prompts'] = [...words.map((prompt) => ({ prompt })), ...(Array.isArray(chats) ? (chats as unknown[]) : [])];
  },
  examples: [
    'lorary generate --base models/SmolLM2-135M "Once upon a time"',
    'lorary generate --base models/mine --chat "What is a whale?" --temperature 0.8 --top-p 0.9',
  ],
  flags: {
    base,
    adapter,
    chat: {
      path: 'prompts',
      kind: 'conversation',
      value: 'TEXT',
      multiple: true,
      help: 'ask this through the chat template',
    },
    'max-new-tokens': { path: 'maxNewTokens', kind: 'number', value: 'N', help: 'length at most [64]' },
    temperature: { path: 'temperature', kind: 'number', value: 'T', help: '0: always the likeliest token [0]' },
    'top-k': { path: 'topK', kind: 'number', value: 'K', help: 'draw from the k likeliest tokens, 0: all [0]' },
    'top-p': { path: 'topP', kind: 'number', value: 'P', help: 'draw from the likeliest tokens of this share [1]' },
    output,
    seed,
    threads,
  },
};

/** `lorary data check`: what training would say to a dataset. */
export const dataCheck: Command = {
  name: 'data check',
  summary: 'Check a dataset against a base: format, tokens, long rows, duplicates.',
  usage: '--base FOLDER --data FILE [flags]',
  fixed: { kind: 'data-check' },
  examples: ['lorary data check --base models/SmolLM2-135M --data rows.jsonl'],
  flags: {
    base: { ...base, help: 'base model whose tokenizer and chat template are used' },
    data: { path: 'data', kind: 'path', value: 'FILE', help: 'rows {"messages"}, {"prompt","completion"} or {"text"}' },
    context: { path: 'contextTokens', kind: 'number', value: 'TOKENS', help: "longest row [the base's context]" },
    preview: {
      path: 'previewRows',
      kind: 'number',
      value: 'N',
      help: 'show the first N rows, [[what is trained]] marked',
    },
  },
};
