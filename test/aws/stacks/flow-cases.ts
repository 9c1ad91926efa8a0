import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { DemoResult } from '../../../examples/demo/demo-result.ts';
import type { Job } from '../../../shared/contract/jobs.ts';
import type { Version } from '../../../shared/contract/versions.ts';
import { cleanEnvironment, resultOf } from '../../support/lorary-cli.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';
import { places } from '../places.ts';
import type { Site, StackCase } from './site.ts';

/** The flows of the product, typed by people, with all that answers and computes deployed. */
export const flowCases: readonly StackCase[] = [
  {
    name: 'flows: denied: without a key, with a wrong one, without the scope, of another team, revoked; each by its own words',
    async run({ anna, bert, apiUrl, key }) {
      expect((await fetch(new URL('/v1/me', apiUrl))).status).toBe(401);
      const wrong = await anna.run(['ls'], { LORARY_KEY: 'lry_0000000000000000_nothing' });
      expect(wrong).toMatchObject({ code: 2, out: '' });
      const args = ['keys', 'create', 'reader', '--scope', 'adapters:read'];
      const made = await anna.json<{ key: { id: string }; secret: string }>(args);
      const as = { LORARY_KEY: made.secret };
      expect(await anna.run(['ls'], as)).toMatchObject({ code: 0 });
      const denied = await anna.run(['keys'], as);
      expect([denied.code, denied.err]).toEqual([2, expect.stringContaining('keys:admin')]);
      await anna.json(['keys', 'revoke', made.key.id]);
      expect(await anna.run(['ls'], as)).toMatchObject({ code: 2 });
      const theirs = await bert.run(['keys', 'revoke', /^lry_([^_]+)/.exec(key)?.[1] ?? '']);
      expect(theirs).toMatchObject({ code: 2, out: '' });
    },
  },
  {
    name: 'flows: a base is sent and imported by a job without a GPU',
    async run({ anna, running }) {
      const base = join(places.root, 'examples', 'tiny-base');
      const added = await anna.run(['base', 'add', base, '--name', 'tiny']);
      expect(added.code, await told(running, added.err)).toBe(0);
      expect(running.batch.jobs.map(({ detail }) => detail.jobQueue)).toEqual(['lorary-suite-cpu']);
    },
  },
  {
    name: 'flows: upload: what is unsound is refused with every reason, and what is sound comes back byte for byte',
    async run({ anna, bert }) {
      await writeTinyAdapter(join(anna.folder, 'folders', 'sent'), { seed: 1 });
      await writeTinyAdapter(join(anna.folder, 'folders', 'broken'), { seed: 2 });
      const path = join(anna.folder, 'folders', 'broken', 'adapter_config.json');
      const config = JSON.parse(await readFile(path, 'utf8')) as object;
      await writeFile(path, JSON.stringify({ ...config, r: 3 }));
      const broken = await anna.run(['push', 'folders/broken', '--base', 'tiny']);
      expect([broken.code, broken.err]).toEqual([2, expect.stringMatching(/refused as a version of broken:.*rank/is)]);
      const { version } = await anna.json<{ version: Version }>(['push', 'folders/sent', '--base', 'tiny']);
      expect(version).toMatchObject({ adapter: 'sent', version: 1, state: 'published' });
      await anna.json(['pull', 'sent', '--output', 'back']);
      for (const name of await readdir(join(anna.folder, 'folders', 'sent')))
        expect(
          (await bytes(anna.folder, 'back', name)).equals(await bytes(anna.folder, 'folders', 'sent', name)),
          name,
        ).toBe(true);
      const theirs = await bert.run(['pull', 'sent', '--output', 'stolen']);
      expect([theirs.code, theirs.err]).toEqual([2, expect.stringContaining('sent')]);
    },
  },
  {
    name: 'flows: train: rows that are sent become a version, by a job on a machine with a GPU',
    async run({ anna, running }) {
      const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i} and ${i} is`, completion: ` ${2 * i}.` }));
      await writeFile(join(anna.folder, 'sums.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
      const before = running.batch.jobs.length;
      const trained = await anna.run('train --base tiny --data sums.jsonl --output sums --steps 6'.split(' '));
      expect(trained.code, await told(running, trained.err)).toBe(0);
      expect(trained.out).toMatch(/Trained 6 steps.*sums@1 is published/s);
      expect(running.batch.jobs.slice(before).map(({ detail }) => detail.jobQueue)).toEqual(['lorary-suite-gpu-16']);
      const shown = await anna.run(['show', 'sums@1']);
      expect(shown.out).toContain('trained from the rows sums');
    },
  },
  {
    name: 'flows: compose: a recipe of what was sent and what was trained becomes a version that names both',
    async run({ anna, running }) {
      const args = ['compose', 'sent=0.7', 'sums@1=0.3', '--type', 'cat', '--output', 'both'];
      const made = await anna.run([...args, '--json']);
      expect(made.code, await told(running, made.err)).toBe(0);
      expect((JSON.parse(made.out) as { job: Job }).job).toMatchObject({ output: { adapter: 'both', version: 1 } });
      const shown = await anna.run(['show', 'both']);
      expect(shown.out).toContain('composed from sent@1 (weight 0.7), sums@1 (weight 0.3)');
    },
  },
  {
    name: 'flows: merge: a version becomes a base that needs no adapter',
    async run({ anna, running }) {
      const merged = await anna.run(['merge', '--adapter', 'both', '--output', 'whole']);
      expect(merged.code, await told(running, merged.err)).toBe(0);
      expect(merged.out).toContain('The base whole is ready');
      expect(running.batch.jobs.at(-1)?.detail.jobQueue).toBe('lorary-suite-gpu-16');
      expect((await anna.run(['base', 'ls'])).out).toMatch(/^whole/m);
    },
  },
  {
    name: 'flows: generate: where no function can hold a model, a job writes the texts',
    async run({ anna, running }) {
      const asked = ['generate', '--base', 'whole', 'Once', '--max-new-tokens', '4'];
      const { job } = await anna.json<{ job: Job }>(asked);
      expect(job.report).toMatchObject({ kind: 'generate', texts: [{ prompt: 'Once', text: expect.any(String) }] });
      expect(running.batch.jobs.at(-1)?.detail.jobQueue).toBe('lorary-suite-gpu-16');
    },
  },
  {
    name: 'flows: the demo: two tasks are trained, composed, merged, measured and asked through the deployed API, and its figures hold',
    async run({ account, anna, running, apiUrl, key }) {
      const program = ['--import', 'tsx', 'examples/demo/main.ts', '--server', apiUrl, '--tokens', '20000', '--json'];
      const own = { LORARY_KEY: key, LORARY_DATA: anna.folder, NODE_EXTRA_CA_CERTS: account.endpoint.certificate };
      const env = { ...cleanEnvironment(), ...own };
      const before = running.batch.jobs.length;
      const demo = await resultOf(spawn(process.execPath, program, { cwd: places.root, env }));
      expect(demo.code, await told(running, demo.err)).toBe(0);
      const { passed, verdicts } = JSON.parse(demo.out) as DemoResult;
      expect([passed, verdicts.filter((verdict) => !verdict.passed)]).toEqual([true, []]);
      expect(verdicts).toHaveLength(10);
      const queues = new Set(running.batch.jobs.slice(before).map(({ detail }) => detail.jobQueue));
      expect([...queues].toSorted()).toEqual(['lorary-suite-cpu', 'lorary-suite-gpu-16']);
    },
  },
];

const bytes = (...path: readonly string[]): Promise<Buffer> => readFile(join(...path));

/** What helps to see why something failed. */
export async function told(running: Site['running'], err: string): Promise<string> {
  return `${err}\n${await running.logs()}`;
}
