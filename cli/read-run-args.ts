import { resolve } from 'node:path';
import { refuseErrors } from '../shared/errors.ts';
import type { RunArgs, RunCommand, RunFlag, WordsForm } from './command.ts';
import { readFlags, usageFinding } from './read-flags.ts';

/**
 * Reads the arguments of a command that does its work itself, or `help` where that was asked for. What is wrong with them throws
 * `DomainError('usage')` with all findings.
 */
export function readRunArgs(command: RunCommand, args: readonly string[]): RunArgs | 'help' {
  const given = readFlags(command, args, ['json', 'help']);
  if (given.common.has('help')) return 'help';
  const findings = [...given.findings];
  const values: Record<string, unknown> = {};
  for (const [name, { kind, multiple }] of Object.entries(command.flags))
    values[name] = kind === 'switch' ? false : multiple === true ? [] : undefined;
  for (const { name, value } of given.flags) {
    const flag = command.flags[name];
    const read = flag && readValue(flag, value);
    if (Number.isNaN(read)) findings.push(usageFinding(`--${name}`, `is ${JSON.stringify(value)}, which is no number`));
    const list = values[name];
    values[name] = Array.isArray(list) ? [...(list as unknown[]), read] : read;
  }
  // the value of a flag that is none looks like a word
  if (!given.hasUnknown) findings.push(...wordFindings(command, command.words ?? noWords, given.words));
  refuseErrors('usage', `lorary ${command.name} was not understood:`, findings);
  // every flag has a value of the type that its kind asks for
  return { words: given.words, flags: values as RunArgs['flags'], json: given.common.has('json') };
}

function readValue({ kind }: RunFlag, value: string | undefined): unknown {
  if (value === undefined) return true;
  if (kind === 'path') return resolve(value);
  return kind === 'number' ? (value.trim() === '' ? Number.NaN : Number(value)) : value;
}

const noWords: WordsForm = { what: '', min: 0, max: 0 };

function wordFindings(
  { name, usage }: RunCommand,
  { what, min, max }: WordsForm,
  words: readonly string[],
): ReturnType<typeof usageFinding>[] {
  const call = `lorary ${name} ${usage}`;
  if (words.length < min) return [usageFinding(missingOf(what, min, words), `is missing: ${call}`)];
  const [first = '', ...others] = words;
  const number = others.find((word) => /^\d+$/.test(word));
  const hint =
    number !== undefined && /@VERSION/.test(usage) ? `; a version stands behind its name: ${first}@${number}` : '';
  return words
    .slice(max)
    .map((word) =>
      usageFinding(word, max === 0 ? `stands alone; ${name} takes flags only` : `is one word too many: ${call}${hint}`),
    );
}

/** Of `NAME ALIAS`, what is not there; where it is one thing or another, all of it. */
function missingOf(what: string, min: number, words: readonly string[]): string {
  const each = what.split(' ');
  return each.length === min ? each.slice(words.length).join(' ') : what;
}
