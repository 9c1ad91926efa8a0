import { appendFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findSecrets } from '../../support/find-secrets.ts';
import { openLocalApi } from '../../support/local-api.ts';
import { openCliWorld } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';

test('each kind of secret is found, and told without itself', () => {
  const digits = '0123456789abcdef';
  const key = `lry_${digits}_${'a'.repeat(49)}`;
  const planted = [
    `authorization: Bearer ${key}`,
    `GET /blobs/x?expires=1&signature=${digits.repeat(4)}`,
    `HF_TOKEN=hf_${'b'.repeat(30)}`,
    '-----BEGIN PRIVATE KEY-----',
  ];
  const found = findSecrets('log', planted.join('\n'));
  expect(found.map((line) => line.slice(0, line.indexOf(': ')))).toEqual([
    'log:1 tells a key',
    'log:2 tells a signed link',
    'log:3 tells a token of Hugging Face',
    'log:4 tells a private key',
  ]);
  expect(found.join()).not.toContain(key);
  const harmless = [`key ${digits} was revoked`, 'lry_ is how a key begins', '"signature": "MEUCIQ"', 'hf_hub'];
  expect(findSecrets('log', harmless.join('\n'))).toEqual([]);
});

test('closing a server fails where a job has told a key', async () => {
  const cli = await openCliWorld();
  await writeTinyAdapter(join(cli.folder, 'folders', 'french'), { seed: 1 });
  await cli.json(['push', join('folders', 'french'), '--base', 'tiny']);
  await cli.json(['merge', '--adapter', 'french']);
  expect(cli.secretsTold()).toEqual([]);
  const runs = join(cli.folder, '.lorary', 'runs');
  const [run = ''] = await readdir(runs);
  await appendFile(join(runs, run, 'output.log'), `planted: ${cli.key}\n`);
  await expect(cli.close()).rejects.toThrow(`runs/${run}`);
});

test('so does closing an API without a server', async () => {
  const api = await openLocalApi();
  const run = join(api.folder, 'runs', 'run_1');
  await mkdir(run, { recursive: true });
  await appendFile(join(run, 'output.log'), `planted: ${await api.key('blue')}\n`);
  await expect(api.close()).rejects.toThrow(/secrets in logs:\nruns\/run_1:1 tells a key/);
});
