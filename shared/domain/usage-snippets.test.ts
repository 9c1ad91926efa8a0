import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { EngineReport, Verdict } from './servability.ts';
import { usageSnippets, type AdapterPlace } from './usage-snippets.ts';

const place: AdapterPlace = { folder: '/adapters/mine', name: 'mine', base: 'org/base', baseFolder: '/models/base' };
const report = (engine: EngineReport['engine'], verdict: Verdict, ...settings: string[]): EngineReport => ({
  engine,
  verdict,
  reasons: [],
  settings,
});
const code = (of: AdapterPlace, ...reports: EngineReport[]): string[] =>
  usageSnippets(of, reports).map((snippet) => snippet.code);

test('an engine that does not serve the adapter gets no snippet', () => {
  expect(usageSnippets(place, [report('PEFT', 'no'), report('vLLM', 'no'), report('llama.cpp', 'no')])).toEqual([]);
});

test('vLLM is started with the smallest rank that does, and asked by the name of the adapter', () => {
  const [text] = code(place, report('vLLM', 'ready', '--enable-lora', '--max-lora-rank 16'));
  expect(text?.split('\n')).toEqual([
    'vllm serve org/base --enable-lora --max-lora-rank 16 --lora-modules mine=/adapters/mine',
    '# in another terminal, when it listens:',
    `curl http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' -d '{"model":"mine","prompt":"Once upon a time","max_tokens":32,"temperature":0}'`,
    '',
  ]);
});

test('what must be flattened or exported first is, by the command for it', () => {
  const [flat] = code(place, report('vLLM', 'flatten', '--enable-lora'));
  expect(flat).toMatch(/^lorary export --format flattened --adapter \/adapters\/mine --output (\S+)\nvllm .*mine=\1\n/);
  const [lora, node] = code(place, report('llama.cpp', 'export', '-m base.gguf', '--lora adapter.gguf'));
  expect(lora).toMatch(
    /merged-gguf --base \/models\/base --output (\S+)\n.*--format gguf .*--output (\S+)\nllama-server -m \1\/model.gguf --lora \2\/adapter.gguf\n/,
  );
  expect(node).toContain('lora: { adapters: [{ filePath: "/adapters/mine-gguf/adapter.gguf" }] }');
  const [whole, merged] = code(place, report('llama.cpp', 'export', '-m model.gguf'));
  expect(whole).toMatch(
    /--format merged-gguf --base \S+ --adapter \S+ --output (\S+)\nllama-server -m \1\/model.gguf\n/,
  );
  expect(merged).toContain('createContext()');
  const { baseFolder: _, ...without } = place;
  expect(code(without, report('llama.cpp', 'export'))[0]).toContain('BASE_FOLDER');
});

test('names with spaces and quotes stay one word in a shell, and one text in Python and JavaScript', () => {
  const odd = { ...place, folder: '/my $HOME/it\'s "mine"', prompt: 'a\n"b" $(c)' };
  const [vllm] = code(odd, report('vLLM', 'ready', '--enable-lora'));
  const stubs = 'vllm() { printf "%s|" "$@"; }; curl() { printf "%s|" "$@"; };';
  const { stdout } = spawnSync('sh', ['-c', `${stubs}\n${vllm}`], { encoding: 'utf8' });
  const body = JSON.stringify({ model: 'mine', prompt: odd.prompt, max_tokens: 32, temperature: 0 });
  expect(stdout.split('|')).toEqual([
    'serve',
    'org/base',
    '--enable-lora',
    '--lora-modules',
    `mine=${odd.folder}`,
    'http://127.0.0.1:8000/v1/completions',
    '-H',
    'Content-Type: application/json',
    '-d',
    body,
    '',
  ]);
  const [python] = code(odd, report('PEFT', 'ready'));
  expect(python).toContain(JSON.stringify(odd.folder));
});
