import { resolve } from 'node:path';
import { refuseErrors, type Finding } from '../shared/errors.ts';
import type { Flag, SpecCommand } from './command.ts';
import { worksOn } from './folder-or-name.ts';
import { splitWeight } from './split-weight.ts';
import { readFlags, usageFinding } from './read-flags.ts';

/** Flags that every command with a spec has. */
export interface CommonFlags {
  /** The report as one line of JSON on standard output, and nothing else there. */
  readonly json: boolean;
  readonly help: boolean;
  /** Print the spec instead of running it. */
  readonly printSpec: boolean;
}

/** A spec as unchecked as one from a file, and what else was asked for. */
export interface BuiltSpec {
  readonly spec: Record<string, unknown>;
  readonly common: CommonFlags;
  /** On folders paths start at the folder the user stands in; on names everything stands as it was typed. */
  readonly works: 'folders' | 'names';
}

/**
 * Reads the arguments of a command. What is wrong with the flags themselves (unknown, without a value, for folders where names are given)
 * throws `DomainError('usage')` with all findings.
 */
export function buildSpec(command: SpecCommand, args: readonly string[]): BuiltSpec {
  const typed = readSpec(command, args, 'names');
  const asksHelp = typed.common.help;
  const works = command.named && !asksHelp ? worksOn(command.named.subjects(typed.spec)) : 'folders';
  const { spec, common, findings } = works === 'names' ? typed : readSpec(command, args, 'folders');
  if (!asksHelp) refuseErrors('usage', `lorary ${command.name} was not understood:`, findings);
  return { spec, common, works };
}

function readSpec(
  command: SpecCommand,
  args: readonly string[],
  works: BuiltSpec['works'],
): { spec: Record<string, unknown>; common: CommonFlags; findings: Finding[] } {
  const place = works === 'folders' ? (path: string) => resolve(path) : (path: string) => path;
  const { flags, words, common, hasUnknown, findings } = readFlags(command, args, ['json', 'help', 'print-spec']);
  const spec = structuredClone(command.fixed) as Record<string, unknown>; // ours alone from here on
  for (const { name } of flags)
    for (const [path, value] of Object.entries(command.flags[name]?.implies ?? {})) setPath(spec, path, value);
  for (const { name, value } of flags) {
    const flag = command.flags[name];
    if (flag?.only !== undefined && flag.only !== works) findings.push(usageFinding(`--${name}`, misplaced[works]));
    else if (flag && value === undefined) setPath(spec, flag.path, flag.set ?? true);
    else if (flag && value !== undefined) addValue(spec, flag, value, place);
  }
  if (common.has('print-spec') && works === 'names') findings.push(usageFinding('--print-spec', misplaced[works]));
  const help = common.has('help');
  if (command.words && !help) command.words(words, spec, place);
  else if (!hasUnknown)
    for (const word of words)
      findings.push(usageFinding(word, `stands alone; did you mean --${command.mainFlag ?? 'FLAG'} ${word}?`));
  return { spec, common: { json: common.has('json'), help, printSpec: common.has('print-spec') }, findings };
}

const misplaced = {
  folders: 'works on the server only, and this call is about folders here: give names of the server, or leave it out',
  names: 'works on folders here only, and this call is about names of the server: give folders, or leave it out',
} as const;

/** The flag behind a place in the spec, or in the request of the same job, as typed; undefined where there is none. */
export function flagAt(command: SpecCommand, where: string): string | undefined {
  return flagOf(command, where) ?? flagOf(command, `data.${where}`);
}

function flagOf(command: SpecCommand, where: string): string | undefined {
  const flags = Object.entries(command.flags).filter(
    ([, { path }]) => where === path || where.startsWith(`${path}.`) || where.startsWith(`${path}[`),
  );
  const nearest = flags.toSorted(([, a], [, b]) => b.path.length - a.path.length)[0];
  // of a group of fields that is missing whole, the one that must be there comes first
  const [name] = nearest ?? Object.entries(command.flags).find(([, { path }]) => path.startsWith(`${where}.`)) ?? [];
  return name === undefined ? undefined : `--${name}`;
}

function addValue(spec: Record<string, unknown>, flag: Flag, text: string, place: (path: string) => string): void {
  const value = readValue(flag, text, place);
  if (flag.multiple !== true) return setPath(spec, flag.path, value);
  const known = valueAt(spec, flag.path);
  setPath(spec, flag.path, [...(Array.isArray(known) ? (known as unknown[]) : []), value]);
}

function readValue({ kind }: Flag, text: string, place: (path: string) => string): unknown {
  switch (kind) {
    case 'path':
      return place(text);
    case 'number':
      // what is no number stays text, for the spec's own message
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'names':
      // names become a list; a pattern, or all-linear, is one text
      return text === 'all-linear' || !/^[\w.,]+$/.test(text) ? text : text.split(',').filter((name) => name !== '');
    case 'weighted': {
      const { path, weight } = splitWeight(text);
      return { rows: place(path), ...(weight === undefined ? {} : { weight }) };
    }
    case 'prompt':
      return { prompt: text };
    case 'conversation':
      return { messages: [{ role: 'user', content: text }] };
    default:
      return text;
  }
}

function setPath(spec: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  let here = spec;
  for (const key of keys.slice(0, -1)) here = (here[key] ??= {}) as Record<string, unknown>; // only objects stand on a way
  here[keys.at(-1) ?? ''] = value;
}

/** What stands at a JSON path without lists; undefined where nothing does. */
export function valueAt(spec: Readonly<Record<string, unknown>>, path: string): unknown {
  let here: unknown = spec;
  for (const key of path.split('.')) here = (here as Record<string, unknown> | undefined)?.[key];
  return here;
}
