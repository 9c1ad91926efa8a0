import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Version } from '../../../shared/contract/versions.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';

let cli: CliWorld;
const at = (...parts: string[]): string => join(cli.folder, ...parts);
beforeAll(async () => {
  cli = await openCliWorld();
  await writeTinyAdapter(at('french'), { seed: 1 });
});
afterAll(() => cli.close());

interface Pushed {
  readonly version: Version;
  readonly wasThere: boolean;
}

test('a folder that is no adapter, and one whose tensors do not fit, are refused with every reason and 2', async () => {
  const none = await cli.run(['push', '.']);
  expect(none).toMatchObject({ code: 2, out: '' });
  expect(none.err).toContain('adapter_config.json');

  await cp(at('french'), at('broken'), { recursive: true });
  const config = JSON.parse(await readFile(at('broken', 'adapter_config.json'), 'utf8')) as object;
  await writeFile(at('broken', 'adapter_config.json'), JSON.stringify({ ...config, r: 3 }));
  const broken = await cli.run(['push', 'broken', '--base', 'tiny']);
  expect(broken.code).toBe(2);
  expect(broken.err).toMatch(/refused as a version of broken:\n {2}error: .*rank/is);
});

test('a folder becomes a version, and is found again instead of being sent twice', async () => {
  const first = await cli.json<Pushed>(['push', 'french', '--base', 'tiny', '--alias', 'production', '--notes', 'one']);
  expect(first).toMatchObject({ wasThere: false, version: { adapter: 'french', version: 1, state: 'published' } });
  expect(first.version.checks?.summary).toMatch(/effective modules (\d+) of \1/);
  const again = await cli.run(['push', 'french', '--base', 'tiny', '--alias', 'production', '--notes', 'one']);
  expect(again).toMatchObject({ code: 0 });
  expect(again.out).toContain('french@1 already; nothing was sent');
  expect((await cli.run(['ls'])).out).toMatch(
    /french +tiny +1 +latest=1 production=1|french +tiny +1 +production=1 latest=1/,
  );
});

test('a second version moves latest, an alias goes forth and back, and one is withdrawn', async () => {
  await writeTinyAdapter(at('other'), { seed: 2 });
  await cli.json(['push', 'other', '--name', 'french']);
  expect((await cli.run(['alias', 'french@2', 'production'])).out).toContain('french@production is version 2');
  expect((await cli.run(['rollback', 'french', 'production'])).out).toContain('is version 1 again');
  const refused = await cli.run(['withdraw', 'french', '--reason', 'wrong rows']);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.err).toContain('lorary withdraw french@VERSION');
  expect(await cli.run(['withdraw', 'french@2', '--reason', 'wrong rows'])).toMatchObject({ code: 0 });
  expect((await cli.run(['ls', 'french'])).out).toMatch(/2 +withdrawn .*\n1 +published/);
});

test('a version comes back byte for byte, with how to use it', async () => {
  const pulled = await cli.run(['pull', 'french@production', '--output', 'back']);
  expect(pulled.code).toBe(0);
  expect(pulled.out).toMatch(/each as its SHA-256 says.*PeftModel.*vllm serve/s);
  for (const name of await readdir(at('french')))
    expect((await readFile(at('back', name))).equals(await readFile(at('french', name))), name).toBe(true);
  expect(await cli.run(['pull', 'french@1', '--output', 'back'])).toMatchObject({ code: 2 });
  await rm(at('back'), { recursive: true });
  const shown = await cli.run(['show', 'french@1']);
  expect(shown.out).toMatch(/french@1: published.*effective modules.*vLLM +ready.*lorary pull french@1/s);
});

test('a name that is not there is told its nearest', async () => {
  const wrong = await cli.run(['show', 'frnech']);
  expect(wrong).toMatchObject({ code: 2, out: '' });
  expect(wrong.err).toContain('did you mean "french"?');
  const none = await cli.run(['pull', '--base', 'tinny']);
  expect(none.err).toContain('did you mean "tiny"?');
});
