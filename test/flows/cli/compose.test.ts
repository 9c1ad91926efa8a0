import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../../shared/contract/jobs.ts';
import type { SignedManifest } from '../../../shared/contract/manifests.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
  for (const [name, seed] of [
    ['french', 1],
    ['polite', 2],
  ] as const) {
    await writeTinyAdapter(join(cli.folder, 'folders', name), { seed });
    await cli.json(['push', join('folders', name), '--base', 'tiny']);
  }
});
afterAll(() => cli.close());

test('what cannot be done is told with what to type instead', async () => {
  const merge = await cli.run(['merge', 'french', 'polite']);
  expect(merge).toMatchObject({ code: 2, out: '' });
  expect(merge.err).toContain('did you mean "lorary compose french polite"?');
  const mixed = await cli.run(['compose', 'french', './folders/polite', '--output', 'both']);
  expect(mixed).toMatchObject({ code: 2 });
  expect(mixed.err).toMatch(/lorary pull french.*lorary push FOLDER/s);
  const unknown = await cli.run(['compose', 'french', 'polit', 'none', '--output', 'both']);
  expect(unknown.err).toMatch(/polit: .*did you mean "polite"\?\n.*none: .*lorary ls/s);
  expect((await cli.run(['compose', 'french@7', 'polite'])).code).toBe(2);
});

test('a composite is what the same recipe gives on folders', async () => {
  const made = await cli.json<{ job: Job }>(['compose', 'french=0.7', 'polite@1=-0.3', '--output', 'both']);
  expect(made.job).toMatchObject({ state: 'succeeded', output: { adapter: 'both', version: 1 } });
  await cli.json(['pull', 'both@1', '--output', 'pulled']);
  const local = ['compose', './folders/french=0.7', './folders/polite=-0.3', '--output', './local'];
  expect(await cli.run(local)).toMatchObject({ code: 0 });
  const weights = (folder: string): Promise<Buffer> => readFile(join(cli.folder, folder, 'adapter_model.safetensors'));
  expect((await weights('pulled')).equals(await weights('local'))).toBe(true);
  const shown = await cli.run(['show', 'both']);
  expect(shown.out).toContain('composed from french@1 (weight 0.7), polite@1 (weight -0.3)');
});

test('a merged adapter is a base, and an export a folder with the job or later', async () => {
  const merged = await cli.run(['merge', '--adapter', 'both', '--output', 'whole']);
  expect(merged.out).toContain('The base whole is ready');
  expect((await cli.run(['generate', '--base', 'whole', 'Once', '--max-new-tokens', '4'])).out).toMatch(/^Once/);
  await cli.json(['keys', 'trust']);
  for (const what of [['both'], ['--base', 'whole']])
    expect((await cli.run(['verify', ...what])).out).toMatch(/^It is /);
  await cli.json(['pull', '--base', 'whole', '--output', 'whole']);
  const { manifest } = await cli.json<SignedManifest>(['verify', './whole']);
  expect(manifest).toMatchObject({ kind: 'base', lineage: { origin: 'merge' }, job: { kind: 'merge', attempt: 1 } });
  const exported = await cli.json<{ job: Job; folder: string }>(
    'export --format gguf --adapter both --output exports/both'.split(' '),
  );
  expect(await readdir(exported.folder)).toContain('adapter.gguf');
  const again = await cli.run(['pull', exported.job.id, '--output', 'exports/again']);
  expect(again).toMatchObject({ code: 0 });
  const file = (folder: string): Promise<Buffer> => readFile(join(cli.folder, 'exports', folder, 'adapter.gguf'));
  expect((await file('again')).equals(await file('both'))).toBe(true);
  const flat = 'export --format flattened --adapter both --fill-layers --base-model-name served --output exports/flat';
  await cli.json(flat.split(' '));
  const text = await readFile(join(cli.folder, 'exports', 'flat', 'adapter_config.json'), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ base_model_name_or_path: 'served' });
  const gguf = await cli.run(['export', '--format', 'gguf', '--adapter', 'both', '--fill-layers']);
  expect(gguf).toMatchObject({ code: 2 });
  expect(gguf.err).toContain('--fill-layers: belongs to the format flattened');
});

test('an adapter is measured against its own base', async () => {
  await writeFile(join(cli.folder, 'rows.jsonl'), '{"prompt":"Once upon","completion":" a time."}\n'.repeat(3));
  const { code, out } = await cli.run(['eval', '--adapter', 'both', '--data', 'rows.jsonl']);
  expect(code).toBe(0);
  expect(out).toMatch(/3 rows.*perplexity/s);
});
