import { parseArgs } from 'node:util';
import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import type { Finding } from '../shared/errors.ts';
import type { FlagForm } from './command.ts';

/** The arguments of a command, taken apart. */
export interface GivenArgs {
  /** In the order given; `value` is undefined for a switch. */
  readonly flags: readonly { readonly name: string; readonly value?: string }[];
  readonly words: readonly string[];
  /** Names of the common switches that were given, such as `json`. */
  readonly common: ReadonlySet<string>;
  /** Whether a flag was none of the command's: what follows it may be its value, and no word. */
  readonly hasUnknown: boolean;
  /** Flags that are unknown, lack their value or have one too many. */
  readonly findings: Finding[];
}

/** A finding about the call itself. */
export function usageFinding(where: string, message: string): Finding {
  return { severity: 'error', code: 'usage', where, message };
}

/** Takes the arguments of a command apart by its flags. `common` are switches beside the command's own; `-h` is `help`. */
export function readFlags(
  { name: commandName, flags }: { readonly name: string; readonly flags: Readonly<Record<string, FlagForm>> },
  args: readonly string[],
  common: readonly string[],
): GivenArgs {
  const findings: Finding[] = [];
  const report = (where: string, message: string): void => void findings.push(usageFinding(where, message));
  const given: { name: string; value?: string }[] = [];
  const words: string[] = [];
  const switches = new Set<string>();
  let hasUnknown = false;
  const { tokens } = parseArgs({ args: [...args], options: optionsOf(flags, common), strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (common.includes(name)) switches.add(name);
    else if (!flag) {
      hasUnknown = true;
      report(rawName, `is no flag of ${commandName}${suggestion(name, [...Object.keys(flags), ...common])}`);
    } else if (flag.kind === 'switch')
      if (value === undefined) given.push({ name });
      else report(rawName, 'takes no value');
    else if (value === undefined || (!token.inlineValue && value.startsWith('--')))
      report(rawName, `needs a value: ${rawName} ${flag.value ?? 'VALUE'}`);
    else given.push({ name, value });
  }
  return { flags: given, words, common: switches, hasUnknown, findings };
}

type Options = Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }>;

function optionsOf(flags: Readonly<Record<string, FlagForm>>, common: readonly string[]): Options {
  const option = (type: 'string' | 'boolean', short: string | undefined): Options[string] => ({
    type,
    multiple: true,
    ...(short === undefined ? {} : { short }),
  });
  return Object.fromEntries([
    ...Object.entries(flags).map(([name, { kind, short }]) => [
      name,
      option(kind === 'switch' ? 'boolean' : 'string', short),
    ]),
    ...common.map((name) => [name, option('boolean', name === 'help' ? 'h' : undefined)]),
  ]) as Options; // built of that form just above
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestWord(name, known);
  return nearest === undefined ? '; see --help' : `; did you mean --${nearest}?`;
}
