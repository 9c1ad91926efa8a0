import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import { DomainError } from '../shared/errors.ts';
import type { Command } from './command.ts';

/**
 * The command that `args` begin with, of `data` and `data check` the longer one, and the arguments that are its own. Throws
 * `DomainError('usage')` with the nearest name.
 */
export function findCommand(
  commands: readonly Command[],
  args: readonly string[],
): { readonly command: Command; readonly own: readonly string[] } {
  const matching = commands.flatMap((command) =>
    [command.name, ...(command.aliases ?? [])]
      .filter((name) => name.split(' ').every((word, i) => args[i] === word))
      .map((name) => ({ command, words: name.split(' ').length })),
  );
  const [longest] = matching.toSorted((a, b) => b.words - a.words);
  if (longest) return { command: longest.command, own: args.slice(longest.words) };
  const [first = '', second = ''] = args;
  const names = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const nearest =
    nearestWord(`${first} ${second}`, names) ??
    nearestWord(first, names) ??
    names.find((name) => name.startsWith(first));
  throw new DomainError(
    'usage',
    `"${first}" is no command of lorary${nearest ? `; did you mean "${nearest}"?` : '.'} See lorary --help.`,
  );
}
