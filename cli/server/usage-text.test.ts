import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { usageText } from './usage-text.ts';

const version = { folder: 'french-3', base: 'tiny', baseModelName: null };
const engine = (name: string, verdict: 'ready' | 'no'): Parameters<typeof usageText>[1][number] => ({
  engine: name,
  verdict,
  settings: ['--enable-lora', '--max-lora-rank 8'],
});

test('nothing is said where no engine is known to serve it', () => {
  expect(usageText(version, [])).toBe('');
  expect(usageText(version, [engine('vLLM', 'no'), engine('Other', 'ready')])).toBe('');
});

test('each engine is told with the folders as they will be, and the name of the base that libraries load', () => {
  const text = usageText(version, [engine('PEFT', 'ready'), engine('vLLM', 'ready')]);
  expect(text).toMatch(/^How to use it \(lorary pull --base tiny .*\n\nPEFT:\n\n {2}from peft import/);
  expect(text).toContain(`base = ${JSON.stringify(resolve('tiny-base'))}`);
  expect(text).toContain(`--lora-modules french-3=${resolve('french-3')}`);
  expect(usageText({ ...version, baseModelName: 'tiny' }, [engine('PEFT', 'ready')])).toContain(resolve('tiny-base'));
  const named = usageText({ ...version, baseModelName: 'org/tiny' }, [engine('vLLM', 'ready')]);
  expect(named).toContain('vllm serve org/tiny --enable-lora --max-lora-rank 8');
});
