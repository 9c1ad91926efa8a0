import type { SpecCommand } from '../command.ts';
import { adapter, base, device, reportFile, seed, threads } from '../common-flags.ts';
import { generateOnServer } from '../named/generate-on-server.ts';
import { baseAndAdapter } from '../named/subjects.ts';

/** `lorary generate`: text from a model. */
export const generate: SpecCommand = {
  name: 'generate',
  summary: 'Continue prompts with a base, with an adapter or without.',
  usage: '[--base BASE] [--adapter ADAPTER] PROMPT ... [flags]',
  fixed: { kind: 'generate' },
  named: { subjects: baseAndAdapter, run: generateOnServer },
  notes: ['An adapter on the server knows its base; one in a folder needs --base.'],
  words(words, spec) {
    const chats = spec['prompts'];
    spec['prompts'] = [...words.map((prompt) => ({ prompt })), ...(Array.isArray(chats) ? (chats as unknown[]) : [])];
  },
  examples: [
    'lorary generate --adapter french@production --chat "What is a whale?"',
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
    output: reportFile,
    seed,
    threads,
    device,
  },
};
