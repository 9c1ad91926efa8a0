import { expect, test } from 'vitest';
import { factors, memoryFiles, safetensorsBytes, sha256 } from '../../test/support/memory-adapter.ts';
import { uniform } from '../../test/support/random-base.ts';
import { validateAdapter } from './validate-adapter.ts';

test('whatever bytes are damaged, there is an answer, and its files are named by their hashes', async () => {
  const random = uniform(7);
  const weights = await safetensorsBytes({ ...factors('a.q', 2, 6, 6), ...factors('a.k', 2, 6, 4, 'F16') });
  const config = JSON.stringify({ peft_type: 'LORA', r: 2, target_modules: '.*\\.(q|k)', rank_pattern: { q: 2 } });
  const baseTensors = [{ name: 'a.q.weight', shape: [6, 6] }];
  let refused = 0;
  for (let i = 0; i < 600; i++) {
    const damaged = i % 2 === 0 ? weights.slice() : weights;
    const text = i % 2 === 0 ? config : Array.from(config);
    for (let times = 1 + Math.floor(3 * random()); times > 0; times--) {
      const byte = Math.floor(256 * random());
      // mostly in the header, where the structure is
      if (i % 2 === 0) damaged[Math.floor((random() < 0.7 ? 400 : weights.length) * random())] = byte;
      else if (Array.isArray(text)) text[Math.floor(config.length * random())] = String.fromCodePoint(byte);
    }
    const files = memoryFiles(
      Array.isArray(text) ? text.join('') : text,
      damaged.slice(0, random() < 0.1 ? 50 : weights.length),
    );
    const { ok, findings, files: hashes } = await validateAdapter(files, { newHash: sha256, baseTensors });
    expect(ok).toBe(!findings.some(({ severity }) => severity === 'error'));
    expect(hashes.map(({ sha256: hash }) => hash.length)).toEqual([64, 64]);
    if (!ok) refused += 1;
  }
  expect(refused).toBeGreaterThan(300);
});
