import { expect, test } from 'vitest';
import { parseSpec } from './parse-spec.ts';
import { resolveSpecPaths } from './resolve-spec-paths.ts';

const specs = [
  { kind: 'train', base: 'p', output: 'p', data: { train: 'p', eval: 'p' }, method: { kind: 'full' } },
  { kind: 'train', base: 'p', output: 'p', data: { train: 'p' }, method: { kind: 'lora' } },
  { kind: 'evaluate', base: 'p', adapter: 'p', data: 'p', output: 'p' },
  { kind: 'generate', base: 'p', adapter: 'p', output: 'p', prompts: [{ prompt: 'x' }] },
  { kind: 'compose', type: 'cat', members: [{ adapter: 'p' }, { adapter: 'p' }], output: 'p' },
  { kind: 'merge', base: 'p', adapter: 'p', output: 'p' },
  { kind: 'quantize', base: 'p', type: 'nf4', data: 'p', output: 'p' },
  { kind: 'data-check', base: 'p', data: 'p' },
];

test('every path of every spec is resolved, and nothing else is touched', () => {
  for (const spec of specs) {
    const parsed = parseSpec(spec);
    const resolved = JSON.stringify(resolveSpecPaths(parsed, (path) => `/there/${path}`));
    expect(resolved).not.toContain('"p"');
    expect(JSON.parse(resolved.replaceAll('/there/', ''))).toEqual(JSON.parse(JSON.stringify(parsed)));
  }
});
