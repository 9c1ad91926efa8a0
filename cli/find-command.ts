import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import { DomainError } from '../shared/errors.ts';
import type { Command } from './command.ts';

/** The command that `args` begin with; of `data` and `data check` the longer one. Throws `DomainError('usage')` with the nearest name. */
export function findCommand(commands: readonly Command[], args: readonly string[]): Command {
  const matching = commands.filter(({ name }) => name.split(' ').every((word, i) => args[i] === word));
  const [longest] = matching.toSorted((a, b) => b.name.length - a.name.length);
  if (longest) return longest;
  const [first = '', second = ''] = args;
  const names = commands.map(({ name }) => name);
  const nearest =
    nearestWord(`${first} ${second}`, names) ??
    nearestWord(first, names) ??
    names.find((name) => name.startsWith(first));
  throw new DomainError(
    'usage',
    `"${first}" is no command of lorary${nearest ? `; did you mean "${nearest}"?` : ''} See lorary --help.`,
  );
}
