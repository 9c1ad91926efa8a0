import type { Command } from './command.ts';

/** `lorary --help`. */
export function overviewText(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary]);
  return [
    'lorary: keeps, trains, composes, evaluates and merges LoRA adapters.',
    '',
    'Usage: lorary COMMAND [flags]',
    '',
    ...aligned(rows),
    '',
    'lorary COMMAND --help tells the flags of a command.',
    '',
    'Exit codes: 0 done; 2 the call is wrong (the message says what to change); 75 try again (a stopped run goes on from',
    'its checkpoint); 1 a bug in lorary.',
  ].join('\n');
}

/** `lorary COMMAND --help`. */
export function commandText(command: Command): string {
  const { name, summary, usage, flags, notes = [], examples } = command;
  const rows = Object.entries(flags).map(
    ([flag, { value, short, help }]) =>
      [`${short ? `-${short}, ` : ''}--${flag}${value ? ` ${value}` : ''}`, help] as const,
  );
  return [
    summary,
    '',
    `Usage: lorary ${name} ${usage}`,
    '',
    ...aligned([...rows, ...('run' in command ? commonFlags : specFlags)]),
    '',
    ...(notes.length > 0 ? [...notes, ''] : []),
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples.map((example) => `  ${example}`),
  ].join('\n');
}

const json = ['--json', 'print the report as one line of JSON, and nothing else'] as const;
const help = ['-h, --help', 'this text'] as const;
const commonFlags = [json, help];
const specFlags = [json, ['--print-spec', 'print the spec instead of running it'], help];

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left = '']) => left.length));
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}`);
}
