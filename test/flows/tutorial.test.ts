import { spawn } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandsOf } from '../support/doc-commands.ts';
import { cleanEnvironment, openCliWorld, resultOf, type CliWorld } from '../support/lorary-cli.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
let cli: CliWorld;

beforeAll(async () => {
  cli = await openCliWorld();
  await symlink(join(repository, 'examples'), join(cli.folder, 'examples'));
  // what an installation would give
  const npx = `#!/bin/sh\n[ "$1" = lorary ] || exit 1\nshift\nexec "${process.execPath}" "${repository}/cli/lorary.js" "$@"\n`;
  await mkdir(join(cli.folder, 'bin'));
  await writeFile(join(cli.folder, 'bin', 'npx'), npx, { mode: 0o755 });
});
afterAll(() => cli.close());

test('every command of the tutorial does what it should, in the order of the page', async () => {
  const commands = commandsOf(await readFile(join(repository, 'docs', 'tutorial.md'), 'utf8'));
  expect(commands[0]).toBe('npx lorary up'); // which is what `cli` has done
  expect(commands.length).toBeGreaterThan(20);
  const outputs: Record<string, string> = {};
  for (const command of commands.slice(1)) {
    const env = { ...cleanEnvironment(), PATH: `${join(cli.folder, 'bin')}:${process.env['PATH']}` };
    const child = spawn('bash', ['-ec', command], { cwd: cli.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const { code, out, err } = await resultOf(child);
    expect({ command, code, err }).toEqual({ command, code: 0, err });
    outputs[command] = out;
  }
  const of = (part: string): string =>
    Object.entries(outputs).find(([command]) => command.includes(part))?.[1] ?? `no command has ${part}`;
  expect(of('train --base tiny --data nouns.jsonl')).toMatch(/Held-out loss .*\nWritten to nouns@1/);
  expect(of('lorary ls')).toMatch(/^nouns .*\nsounds /m);
  expect(of('show nouns')).toContain('trained from the rows nouns');
  expect(lossOf(of('eval --adapter nouns'))).toBeLessThan(lossOf(of('eval --base tiny')));
  expect(of('alias nouns@1')).toContain('nouns@production is version 1');
  expect(of('train --from nouns@production')).toMatch(/Held-out loss .*\nWritten to nouns@2/);
  expect(lossOf(of('eval --adapter nouns@2'))).toBeLessThan(lossOf(of('eval --base tiny')));
  expect(of('compose')).toContain('both@1 is published');
  expect(of('merge')).toContain('The base tiny-both is ready');
  expect(of('pull both@1')).toContain('PeftModel');
}, 600_000);

const lossOf = (text: string): number => Number(/^loss +([\d.]+)/m.exec(text)?.[1]);
