import { join } from 'node:path';
import { expect, expectTypeOf, test } from 'vitest';
import { DomainError } from '../shared/errors.ts';
import { runCommand, type RunArgs, type RunCommand } from './command.ts';
import { findCommand } from './find-command.ts';
import { commandText } from './help-text.ts';
import { readRunArgs } from './read-run-args.ts';

const copy = runCommand({
  name: 'copy',
  summary: 'Copy.',
  usage: 'FILE ... [flags]',
  words: { what: 'FILE', min: 1, max: 2 },
  examples: ['lorary copy a'],
  flags: {
    to: { kind: 'path', value: 'FOLDER', short: 't', help: 'where to' },
    times: { kind: 'number', value: 'N', help: 'how often' },
    tag: { kind: 'text', value: 'TAG', multiple: true, help: 'a tag' },
    force: { kind: 'switch', help: 'overwrite' },
  },
  run({ flags: { to, times, tag, force } }) {
    expectTypeOf(to).toEqualTypeOf<string | undefined>();
    expectTypeOf(times).toEqualTypeOf<number | undefined>();
    expectTypeOf(tag).toEqualTypeOf<readonly string[]>();
    expectTypeOf(force).toEqualTypeOf<boolean>();
    return Promise.resolve(0);
  },
});

const read = (args: string): RunArgs | 'help' => readRunArgs(copy, args.split(' '));

function refusals(args: string): string[] {
  try {
    read(args);
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where, message }) => `${where}: ${message}`);
    throw error;
  }
  return [];
}

test('every misunderstood argument is told at once', () => {
  expect(refusals('--frce --times=many a b c')).toEqual([
    '--frce: is no flag of copy; did you mean --force?',
    '--times: is "many", which is no number',
  ]);
  expect(refusals('a b c')).toEqual(['c: is one word too many: lorary copy FILE ... [flags]']);
  expect(refusals('--print-spec --force=1')).toEqual([
    '--print-spec: is no flag of copy; see --help',
    '--force: takes no value',
  ]);
  expect(refusals('--force')).toEqual(['FILE: is missing: lorary copy FILE ... [flags]']);
  const wordless: RunCommand = { ...copy, words: { what: '', min: 0, max: 0 } };
  expect(() => readRunArgs(wordless, ['a'])).toThrow('a: stands alone; copy takes flags only');
});

test('values are read by the kind of their flag, and what is not given has a value too', () => {
  expect(read('a -t x --times 2 --tag=p --tag q --force --json b')).toEqual({
    words: ['a', 'b'],
    flags: { to: join(process.cwd(), 'x'), times: 2, tag: ['p', 'q'], force: true },
    json: true,
  });
  expect(read('a')).toEqual({
    words: ['a'],
    flags: { to: undefined, times: undefined, tag: [], force: false },
    json: false,
  });
});

test('help is given whatever else is wrong', () => {
  expect(read('--nonsense -h')).toBe('help');
  expect(commandText(copy)).toMatch(/-t, --to FOLDER +where to\n.*--json/s);
  expect(commandText(copy)).not.toContain('print-spec');
});

test('the longest name that fits is the command, and a wrong one is told its nearest', () => {
  const longer = { ...copy, name: 'copy back' };
  expect(findCommand([copy, longer], ['copy', 'back', 'a'])).toEqual({ command: longer, own: ['a'] });
  expect(findCommand([longer, copy], ['copy', 'a'])).toEqual({ command: copy, own: ['a'] });
  expect(() => findCommand([copy, longer], ['copi', 'back'])).toThrow('did you mean "copy back"?');
});
