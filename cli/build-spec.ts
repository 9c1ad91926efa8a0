import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import { refuseErrors, type Finding } from '../shared/errors.ts';
import type { Command, Flag } from './command.ts';

/** Flags that every command has. */
export interface CommonFlags {
  /** The report as one line of JSON on standard output, and nothing else there. */
  readonly json: boolean;
  readonly help: boolean;
  /** Print the spec instead of running it. */
  readonly printSpec: boolean;
}

/**
 * Reads the arguments of a command. The spec is as unchecked as one from a file; what is wrong with the flags themselves
 * (unknown, without a value) throws `DomainError('usage')` with all findings.
 */
export function buildSpec(command: Command, args: readonly string[]): { spec: unknown; common: CommonFlags } {
  const common = { json: false, help: false, 'print-spec': false };
  const findings: Finding[] = [];
  const report = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'usage', where, message });
  const spec = structuredClone(command.fixed) as Record<string, unknown>; // ours alone from here on
  const words: string[] = [];
  const { tokens } = parseArgs({ args: [...args], options: optionsOf(command), strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
    if (name === 'json' || name === 'help' || name === 'print-spec') common[name] = true;
    else if (!flag) report(rawName, `is no flag of ${command.name}${suggestion(name, command)}`);
    else if (flag.kind === 'switch')
      if (value === undefined) setPath(spec, flag.path, flag.set ?? true);
      else report(rawName, 'takes no value');
    else if (value === undefined || (!token.inlineValue && value.startsWith('--')))
      report(rawName, `needs a value: ${rawName} ${flag.value ?? 'VALUE'}`);
    else addValue(spec, flag, value);
  }
  if (command.words) command.words(words, spec);
  else for (const word of words) report(word, `stands alone; ${command.name} takes flags only`);
  if (!common.help) refuseErrors('usage', `lorary ${command.name} was not understood:`, findings);
  return { spec, common: { json: common.json, help: common.help, printSpec: common['print-spec'] } };
}

/** The flag behind a place in the spec, as typed; undefined where there is none. */
export function flagAt(command: Command, where: string): string | undefined {
  const flags = Object.entries(command.flags).filter(
    ([, { path }]) => where === path || where.startsWith(`${path}.`) || where.startsWith(`${path}[`),
  );
  const nearest = flags.toSorted(([, a], [, b]) => b.path.length - a.path.length)[0];
  return nearest && `--${nearest[0]}`;
}

function optionsOf({ flags }: Command): Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }> {
  const own = Object.entries(flags).map(([name, { kind, short }]) => [
    name,
    { type: kind === 'switch' ? 'boolean' : 'string', multiple: true, ...(short === undefined ? {} : { short }) },
  ]);
  const common = Object.entries({ json: undefined, help: 'h', 'print-spec': undefined }).map(([name, short]) => [
    name,
    { type: 'boolean', multiple: true, ...(short === undefined ? {} : { short }) },
  ]);
  return Object.fromEntries([...own, ...common]) as ReturnType<typeof optionsOf>; // built of that form just above
}

function suggestion(name: string, { flags }: Command): string {
  const nearest = nearestWord(name, [...Object.keys(flags), 'json', 'help', 'print-spec']);
  return nearest === undefined ? '; see --help' : `; did you mean --${nearest}?`;
}

function addValue(spec: Record<string, unknown>, flag: Flag, text: string): void {
  const value = readValue(flag, text);
  if (flag.multiple !== true) return setPath(spec, flag.path, value);
  const known = valueAt(spec, flag.path);
  setPath(spec, flag.path, [...(Array.isArray(known) ? (known as unknown[]) : []), value]);
}

function readValue({ kind }: Flag, text: string): unknown {
  switch (kind) {
    case 'path':
      return resolve(text);
    case 'number':
      // what is no number stays text, for the spec's own message
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'names':
      // names become a list; a pattern, or all-linear, is one text
      return text === 'all-linear' || !/^[\w.,]+$/.test(text) ? text : text.split(',').filter((name) => name !== '');
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

function valueAt(spec: Record<string, unknown>, path: string): unknown {
  let here: unknown = spec;
  for (const key of path.split('.')) here = (here as Record<string, unknown> | undefined)?.[key];
  return here;
}
