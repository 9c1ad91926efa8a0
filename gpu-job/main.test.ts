import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpec, type Spec } from '../shared/contract/specs/parse-spec.ts';
import { DomainError, UnavailableError } from '../shared/errors.ts';
import { writeTinyBase } from '../test/support/tiny-base.ts';
import { exitCodeOf, readSpecFile, runJob } from './main.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-main-'));
  await writeTinyBase(at('base'));
  const row = {
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho' },
    ],
  };
  await writeFile(at('rows.jsonl'), JSON.stringify(row));
});
afterAll(() => rm(folder, { recursive: true }));

test('relative paths of a spec file start at its own folder', async () => {
  await writeFile(at('spec.json'), JSON.stringify({ kind: 'data-check', base: 'base', data: './rows.jsonl' }));
  expect(await readSpecFile(at('spec.json'))).toMatchObject({ base: at('base'), data: at('rows.jsonl') });
  await writeFile(at('broken.json'), '{"kind":');
  await expect(readSpecFile(at('broken.json'))).rejects.toThrow(/broken\.json is not valid JSON/);
  await expect(readSpecFile(at('absent.json'))).rejects.toThrow(DomainError);
});

test('a job runs in a thread of its own while this one stays free, and its report comes back', async () => {
  let beats = 0;
  const heartbeat = setInterval(() => beats++, 5);
  const report = await runJob(parseSpec({ kind: 'data-check', base: at('base'), data: at('rows.jsonl') }));
  clearInterval(heartbeat);
  expect(report).toMatchObject({ kind: 'data-check', rows: 1, usable: true });
  expect(beats).toBeGreaterThan(10);
});

test('the three kinds of failure come out of the thread as what they are, each with its exit code', async () => {
  const failureOf = async (spec: Spec, stop?: AbortSignal): Promise<unknown> => {
    try {
      return await runJob(spec, stop ? { stop } : {});
    } catch (error) {
      return error;
    }
  };
  const refused = await failureOf(parseSpec({ kind: 'evaluate', base: at('nowhere'), data: at('rows.jsonl') }));
  expect(refused).toBeInstanceOf(DomainError);
  expect((refused as DomainError).findings).not.toHaveLength(0);
  const evaluate = parseSpec({ kind: 'evaluate', base: at('base'), data: at('rows.jsonl'), threads: 1 });
  const stopped = await failureOf(evaluate, AbortSignal.abort());
  expect(stopped).toBeInstanceOf(UnavailableError);
  const bug = await failureOf({ ...evaluate, kind: 'data-check', base: 7 } as unknown as Spec); // what no parser lets through
  expect(bug).toBeInstanceOf(Error);
  expect([refused, stopped, bug].map(exitCodeOf)).toEqual([2, 75, 1]);
});

test('a second SIGINT ends a job that does not react to the first', async () => {
  const main = new URL('main.ts', import.meta.url).href;
  await writeFile(
    at('stubborn.mjs'),
    `import { withStopSignals } from ${JSON.stringify(main)};
     const forever = () => new Promise(() => setInterval(() => undefined, 1000));
     console.log('ready');
     await withStopSignals(forever, () => console.log('stopping'));`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', at('stubborn.mjs')], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const signals: string[] = [];
  child.stdout.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString().trim().split('\n')) {
      signals.push(line);
      setTimeout(() => child.kill('SIGINT'), 50);
    }
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  );
  expect(signals).toEqual(['ready', 'stopping']);
  expect([code, signal]).toEqual([null, 'SIGINT']);
}, 120_000);
