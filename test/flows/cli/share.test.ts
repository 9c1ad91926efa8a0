import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditRecord } from '../../../shared/contract/audit.ts';
import type { Job } from '../../../shared/contract/jobs.ts';
import type { LineageNode } from '../../../shared/contract/lineage.ts';
import { openCliWorld, type CliResult, type CliWorld } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';

// The team of the server's first key is "local"; it shares with "red".
let cli: CliWorld;
let red = '';
beforeAll(async () => {
  cli = await openCliWorld();
  red = (await cli.json<{ key: string }>(['teams', 'create', 'red'])).key;
  for (const [name, seed] of [
    ['french', 1],
    ['mine', 2],
  ] as const)
    await writeTinyAdapter(join(cli.folder, 'folders', name), { seed });
  await cli.json(['push', join('folders', 'french'), '--base', 'tiny']);
  const base = fileURLToPath(new URL('../../../examples/tiny-base', import.meta.url));
  await asRed('base', 'add', base, '--name', 'small');
  await asRed('push', join('folders', 'mine'), '--base', 'small');
  const rows = Array.from({ length: 8 }, (_, i) => JSON.stringify({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await writeFile(join(cli.folder, 'sums.jsonl'), rows.join('\n'));
});
afterAll(() => cli.close());

const runAsRed = (...args: string[]): Promise<CliResult> => cli.run(args, { LORARY_KEY: red });

async function asRed<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await runAsRed(...args, '--json');
  if (code !== 0) throw new Error(`lorary ${args.join(' ')} ended with ${code}: ${err}${out}`);
  return JSON.parse(out) as T; // what the test expects of it
}

test('one team shares, the other sees it, reads it, and writes nothing', async () => {
  expect((await cli.run(['share', 'french'])).err).toContain('is shared with no team');
  expect((await cli.run(['share', 'french', '--with', 'rad'])).err).toContain('There is no team "rad"');
  await cli.json(['share', 'french', '--with', 'red']);
  expect((await cli.run(['share', 'french'])).out).toMatch(/^red +/m);
  expect((await runAsRed('ls', '--shared')).out).toMatch(/^local:french +/m);
  expect((await runAsRed('ls', 'local:french')).out).toMatch(/^1 +published/m);
  expect((await runAsRed('show', 'local:french')).out).toContain('local:french@1: published, latest');
  await asRed('pull', 'local:french', '--output', 'pulled');
  const weights = (folder: string): Promise<Buffer> => readFile(join(cli.folder, folder, 'adapter_model.safetensors'));
  expect((await weights('pulled')).equals(await weights(join('folders', 'french')))).toBe(true);
  await asRed('keys', 'trust');
  expect((await runAsRed('verify', './pulled')).out).toMatch(/^It is /);
  for (const words of [
    ['alias', 'local:french@1', 'production'],
    ['withdraw', 'local:french@1', '--reason', 'ours'],
    ['share', 'local:french', '--with', 'local'],
  ]) {
    const refused = await runAsRed(...words);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('read and used, no more')]);
  }
  expect((await runAsRed('show', 'local:frensh')).err).toContain('did you mean "local:french"?');
});

test('it is evaluated, composed, merged, exported and gone on from, on the base that has its weights', async () => {
  const evaluated = await asRed<{ job: Job }>('evaluate', '--adapter', 'local:french', '--data', 'sums.jsonl');
  expect(evaluated.job).toMatchObject({ state: 'succeeded', request: { base: 'small', adapter: 'local:french' } });
  const composed = await asRed<{ job: Job }>('compose', 'local:french=0.5', 'mine=0.5', '--output', 'both');
  expect(composed.job).toMatchObject({ state: 'succeeded', output: { adapter: 'both', version: 1 } });
  expect((await runAsRed('show', 'both')).out).toContain('composed from local:french@1 (weight 0.5), mine@1');
  expect((await asRed<{ job: Job }>('merge', '--adapter', 'local:french')).job).toMatchObject({
    state: 'succeeded',
    output: { base: 'french-merged' },
  });
  const exported = ['export', '--format', 'peft', '--adapter', 'local:french', '--output', 'exported'];
  expect((await asRed<{ job: Job }>(...exported)).job.state).toBe('succeeded');
  const training = ['train', '--from', 'local:french', '--data', 'sums.jsonl', '--steps', '2'];
  const trained = await asRed<{ job: Job }>(...training);
  expect(trained.job).toMatchObject({ state: 'succeeded', output: { adapter: 'french', version: 1 } });
  expect((await runAsRed('generate', '--adapter', 'local:french', 'Once', '--max-new-tokens', '2')).out).toMatch(
    /^Once/,
  );
  const { nodes } = await asRed<{ nodes: LineageNode[] }>('lineage', 'local:french', '--down');
  expect(nodes.map(({ name }) => name).toSorted()).toEqual(['both', 'french', 'french-merged', 'local:french']);
});

test('taken back, it is not there any more, and what was made of it is', async () => {
  await cli.json(['unshare', 'french', '--with', 'red']);
  for (const words of [
    ['show', 'local:french'],
    ['pull', 'local:french', '--output', 'again'],
    ['evaluate', '--adapter', 'local:french', '--data', 'sums.jsonl'],
    ['compose', 'local:french', 'mine', '--output', 'more'],
  ])
    expect((await runAsRed(...words)).code, words.join(' ')).toBe(2);
  expect((await runAsRed('ls', '--shared')).err).toContain('No team shares');
  expect((await runAsRed('show', 'both')).out).toContain('composed from local:french@1');
  const { nodes } = await asRed<{ nodes: LineageNode[] }>('lineage', 'both');
  expect(nodes).toContainEqual(expect.objectContaining({ name: 'local:french', state: 'gone' }));
});

const rowsOf = ({ out }: CliResult): AuditRecord[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRecord); // what the command prints

test('both audits tell of it', async () => {
  const own = rowsOf(await cli.run(['audit', '--json']));
  const told = own.filter(({ team, action }) => team === 'red' || action.endsWith('share')).map(({ action }) => action);
  // what was refused stands by the minute
  expect(told.toSorted()).toEqual(['adapter.share', 'adapter.unshare', 'setAlias', 'shareAdapter', 'withdrawVersion']);
  const theirs = rowsOf(await runAsRed('audit', '--json'));
  const given = theirs.filter(({ team }) => team === 'local').map(({ action }) => action);
  expect(given.toReversed()).toEqual(['adapter.given', 'adapter.taken']);
});
