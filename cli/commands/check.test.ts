import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { factors, safetensorsBytes, type MemoryTensors } from '../../test/support/memory-adapter.ts';
import { startSmallHub } from '../../test/support/small-hub.ts';
import { adopt as adoptAtServer } from '../server/adopt.ts';
import type { CheckedAdapter } from '../check/check-adapters.ts';
import type { CommandIo } from '../command.ts';
import { readRunArgs } from '../read-run-args.ts';
import { checkCommand, type Adopt } from './check.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const Q = 'model.layers.0.self_attn.q_proj';
const config = { peft_type: 'LORA', r: 2, target_modules: ['q_proj'] };
const baseTensors: MemoryTensors = {
  'model.embed_tokens.weight': { shape: [9, 6] },
  [`${Q}.weight`]: { shape: [6, 6] },
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-check-'));
  await mkdir(join(folder, 'base'));
  await writeFile(join(folder, 'base', 'model.safetensors'), await safetensorsBytes(baseTensors));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);

async function writeAdapter(name: string, tensors: MemoryTensors, settings: object = {}, seed = 1): Promise<string> {
  await mkdir(at(name), { recursive: true });
  await writeFile(
    at(name, 'adapter_config.json'),
    JSON.stringify({ ...config, base_model_name_or_path: at('base'), ...settings }),
  );
  await writeFile(at(name, 'adapter_model.safetensors'), await safetensorsBytes(tensors, seed));
  return at(name);
}

const healthy = factors(Q, 2, 6, 6);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly lines: readonly string[];
}

async function check(
  args: readonly string[],
  environment: Record<string, string> = {},
  adopt: Adopt = adoptAtServer,
): Promise<Outcome> {
  const lines: string[] = [];
  const io: CommandIo = {
    print: (text) => void lines.push(...text.split('\n')),
    note: () => undefined,
    screen: { write: () => undefined, isTerminal: false, columns: 80, now: () => 0 },
    environment: { HF_HUB_CACHE: at('hub'), HF_HUB_OFFLINE: '1', LORARY_DATA: at('no-data'), ...environment },
  };
  const command = checkCommand(adopt);
  const read = readRunArgs(command, args);
  if (read === 'help') throw new Error('help was not asked for');
  const code = await command.run(read, io);
  return { code, out: lines.join('\n'), lines };
}

async function checkJson(
  args: readonly string[],
  environment?: Record<string, string>,
): Promise<{ code: number; ok: boolean; adapters: CheckedAdapter[] }> {
  const { code, out } = await check([...args, '--json'], environment);
  return { code, ...(JSON.parse(out) as { ok: boolean; adapters: CheckedAdapter[] }) };
}

const codesOf = ({ validation }: CheckedAdapter): string[] =>
  validation.findings.map(({ severity, code }) => `${severity} ${code}`);

describe('refuses', () => {
  test('words that are nothing, all of them, before anything is checked', async () => {
    await expect(check([at('nowhere'), folder, 'owner/name/x'])).rejects.toMatchObject({
      code: 'usage',
      findings: [{ where: at('nowhere') }, { where: 'owner/name/x' }],
    });
    await expect(check([])).rejects.toThrow(/is missing: lorary check/);
  });

  test('a base that is asked for and not there', async () => {
    const one = await writeAdapter('one', healthy);
    await expect(check([one, '--base', 'owner/base'])).rejects.toThrow(/hf download owner\/base/);
    await mkdir(at('empty'));
    await expect(check([one, '--base', at('empty')])).rejects.toMatchObject({ code: 'base-unreadable' });
  });

  test('to adopt without a server', async () => {
    await expect(check([await writeAdapter('one', healthy), '--adopt'])).rejects.toMatchObject({ code: 'no-server' });
  });
});

test('one that does nothing, one for another base and one that cannot be read are bad, each with its reason', async () => {
  const zero = {
    ...healthy,
    [`base_model.model.${Q}.lora_B.weight`]: { shape: [6, 2], values: Array<number>(12).fill(0) },
  };
  const idle = await writeAdapter('idle', zero);
  const foreign = await writeAdapter('foreign', factors(Q, 2, 8, 8));
  await mkdir(at('empty'));
  const { code, ok, adapters } = await checkJson([idle, foreign, at('empty'), 'owner/name']);
  expect([code, ok]).toEqual([1, false]);
  expect(adapters.map(codesOf)).toEqual([
    ['error all-zero'],
    ['error base-size-mismatch', 'error no-effect'],
    ['error config-missing', 'error weights-missing'],
    ['error hub-missing'],
  ]);
  const { lines } = await check([idle, foreign]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(lines.join(' ')).toMatch(/BAD .*foreign +0 of 1 .*error base-size-mismatch: model\.layers/);
  expect(lines.at(-1)).toBe('0 of 2 good.');
});

test('good ones end with 0; equal ones are told, and adopted once', async () => {
  await writeAdapter('all/a', healthy);
  await cp(at('all', 'a'), at('all', 'b'), { recursive: true });
  await writeAdapter('all/c', factors(Q, 2, 6, 6, 'BF16'));
  await writeAdapter('all/d', healthy, {}, 2);
  await writeFile(at('all', 'd', 'training_args.bin'), '');
  const { code, adapters } = await checkJson([at('all')]);
  expect(code).toBe(0);
  expect(adapters.map(({ duplicate }) => duplicate)).toEqual([
    null,
    { of: at('all', 'a'), same: 'file' },
    { of: at('all', 'a'), same: 'delta' },
    null,
  ]);
  expect(adapters.map(({ base }) => base)).toEqual(Array(4).fill(at('base')));
  const taken: string[] = [];
  const adopt: Adopt = ({ adapter }) => Promise.resolve(`adopted ${taken.push(adapter)}`);
  const { out } = await check([at('all'), '--adopt'], {}, adopt);
  expect(taken).toEqual([at('all', 'a'), at('all', 'd')]);
  expect(out).toMatch(
    /same delta, stored otherwise.*warning pickle: training_args\.bin.*4 of 4 good, 2 of them the same.*adopted 1\nadopted 2$/s,
  );
});

test('without the base, only what needs none is checked, with a word', async () => {
  const one = await writeAdapter('one', healthy, { base_model_name_or_path: 'owner/base' });
  const nameless = await writeAdapter('two', factors(Q, 2, 6, 6, 'F16'), { base_model_name_or_path: null }, 3);
  const { code, adapters } = await checkJson([one, nameless]);
  expect([code, ...adapters.map(codesOf)]).toEqual([0, ['warning base-missing'], ['warning base-missing']]);
  await mkdir(at('hub', 'models--owner--base', 'refs'), { recursive: true });
  await writeFile(at('hub', 'models--owner--base', 'refs', 'main'), commit);
  const snapshot = at('hub', 'models--owner--base', 'snapshots', commit);
  await cp(at('base'), snapshot, { recursive: true });
  const again = await checkJson([one, nameless, '--base', 'owner/base']);
  expect(again.adapters.map(({ validation }) => validation.summary)).toEqual(Array(2).fill('effective modules 1 of 1'));
  expect((await checkJson([one])).adapters[0]?.base).toBe(snapshot);
  await writeFile(join(snapshot, 'model.safetensors'), 'torn');
  expect((await checkJson([one])).adapters.map(codesOf)).toEqual([['warning base-unreadable']]);
});

test('an id of a hub is downloaded once, without what is no part of an adapter, and a pickle alone is told', async () => {
  const good = await writeAdapter('good', healthy);
  const files = Object.fromEntries(
    await Promise.all(
      ['adapter_config.json', 'adapter_model.safetensors'].map(
        async (name) => [name, new Uint8Array(await readFile(join(good, name)))] as const,
      ),
    ),
  );
  const settings = files['adapter_config.json'] ?? new Uint8Array();
  const hub = await startSmallHub({
    'team/good': { commit, files: { ...files, 'optimizer.pt': settings } },
    'team/pickled': { commit, files: { 'adapter_config.json': settings, 'adapter_model.bin': settings } },
  });
  try {
    const online = { HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: '0' };
    const first = await checkJson(['team/good', 'team/pickled', `team/good@${commit}`], online);
    expect(first.adapters.map(codesOf)).toEqual([[], ['error pickle'], []]);
    expect(first.adapters[2]?.duplicate).toEqual({ of: 'team/good', same: 'file' });
    expect(hub.calls.filter((call) => call.includes('.pt') || call.includes('.bin'))).toEqual([]);
    expect((await checkJson(['team/good'])).code).toBe(0); // offline, from the cache
  } finally {
    await hub.close();
  }
});

test('what real training wrote is good', async () => {
  const fixtures = fileURLToPath(new URL('../../test/parity/fixtures/', import.meta.url));
  const { code, adapters } = await checkJson([
    join(fixtures, 'lora-patterns'),
    '--base',
    join(fixtures, 'llama-tiny', 'base'),
  ]);
  expect(code).toBe(0);
  expect(adapters.map(({ validation }) => [validation.summary, validation.findings])).toEqual([
    ['effective modules 7 of 7', []],
    ['effective modules 2 of 2', []],
  ]);
});
