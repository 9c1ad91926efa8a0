import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashFile } from './hash-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-hash-'));
});
afterAll(() => rm(folder, { recursive: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('a file and its parts are hashed in one reading, whatever their sizes', async () => {
  const path = join(folder, 'file');
  for (const [sizeBytes, partBytes] of [
    [0, 10],
    [1, 10],
    [10, 10],
    [11, 10],
    [2_500_000, 700_001],
    [2_097_152, 1_048_576],
  ] as const) {
    const bytes = Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 7919) % 251);
    await writeFile(path, bytes);
    let told = 0;
    const hashed = await hashFile(path, partBytes, (count) => (told += count));
    const parts = Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, i) =>
      bytes.subarray(i * partBytes, (i + 1) * partBytes),
    );
    expect(hashed).toEqual({
      sizeBytes,
      sha256: sha256(bytes),
      parts: parts.map((part, i) => ({ number: i + 1, sizeBytes: part.length, sha256: sha256(part) })),
    });
    expect(told).toBe(sizeBytes);
  }
});
