import type { Command } from './command.ts';

/** `lorary --help`. */
export function overviewText(commands: readonly Command[]): string {
  const rows = [
    ['run SPEC.json', 'Run any job from a spec file; its paths start at its own folder.'],
    ...commands.map(({ name, summary }) => [name, summary]),
  ] as const;
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
export function commandText({ name, summary, usage, flags, examples }: Command): string {
  const rows = Object.entries(flags).map(
    ([flag, { value, short, help }]) =>
      [`${short ? `-${short}, ` : ''}--${flag}${value ? ` ${value}` : ''}`, help] as const,
  );
  return [
    summary,
    '',
    `Usage: lorary ${name} ${usage}`,
    '',
    ...aligned([...rows, ...commonFlags]),
    '',
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples.map((example) => `  ${example}`),
  ].join('\n');
}

/** `lorary run --help`. */
export const runText = [
  'Run a job from a spec file. Relative paths in it start at its own folder.',
  '',
  'Usage: lorary run SPEC.json [--json]',
  '',
  'A spec is a JSON object with a "kind": train, evaluate, generate, compose, merge or data-check. Every other command',
  'prints the spec it would run with --print-spec.',
].join('\n');

const commonFlags = [
  ['--json', 'print the report as one line of JSON, and nothing else'],
  ['--print-spec', 'print the spec instead of running it'],
  ['-h, --help', 'this text'],
] as const;

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left = '']) => left.length));
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}`);
}
