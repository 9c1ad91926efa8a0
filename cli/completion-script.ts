import type { Command } from './command.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Completes the words of commands, then their flags; where neither fits, files. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const table = commands.flatMap((command) =>
    [command.name, ...(command.aliases ?? [])].map((name) => ({ name, command })),
  );
  return shell === 'fish' ? fishScript(table) : bashScript(shell, table);
}

interface Row {
  readonly name: string;
  readonly command: Command;
}

const flagsOf = (command: Command): string[] => [
  ...Object.keys(command.flags),
  'json',
  'help',
  ...('run' in command ? [] : ['print-spec']),
];

/** zsh runs the completion of bash after `bashcompinit`. */
function bashScript(shell: 'bash' | 'zsh', table: readonly Row[]): string {
  const firsts = [...new Set(table.map(({ name }) => name.split(' ')[0] ?? ''))];
  const secondsOf = (first: string): string[] =>
    table.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_lorary() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" call="${COMP_WORDS[1]} ${COMP_WORDS[2]}"',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${firsts.join(' ')}" -- "$word"))`,
    '    return',
    '  fi',
    '  if [ "$COMP_CWORD" -eq 2 ]; then',
    '    case "${COMP_WORDS[1]}" in',
    ...firsts
      .filter((first) => secondsOf(first).length > 0)
      .map((first) => `      ${first}) COMPREPLY=($(compgen -W "${secondsOf(first).join(' ')}" -- "$word")) ;;`),
    '    esac',
    '  fi',
    '  case "$word" in',
    '    -*) case "$call" in',
    // the longer names first, since `data` would take the calls of `data check`
    ...table
      .toSorted((a, b) => b.name.length - a.name.length)
      .map(
        ({ name, command }) =>
          `      "${name}"${name.includes(' ') ? '' : '" "*'}) COMPREPLY=($(compgen -W "${flagsOf(command)
            .map((flag) => `--${flag}`)
            .join(' ')}" -- "$word")) ;;`,
      ),
    '    esac ;;',
    '  esac',
    '}',
    'complete -o default -F _lorary lorary',
  ].join('\n');
}

function fishScript(table: readonly Row[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return table
    .flatMap(({ name, command }) => {
      const [first = '', second] = name.split(' ');
      const seen = `__fish_seen_subcommand_from ${first}`;
      const inside = second === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${second}`;
      return [
        second === undefined
          ? `complete -c lorary -n __fish_use_subcommand -a ${first} -d ${quoted(command.summary)}`
          : `complete -c lorary -n ${quoted(seen)} -a ${second} -d ${quoted(command.summary)}`,
        ...flagsOf(command).map((flag) => `complete -c lorary -n ${quoted(inside)} -l ${flag}`),
      ];
    })
    .join('\n');
}
