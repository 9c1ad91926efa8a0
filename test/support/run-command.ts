import type { CommandIo, RunCommand } from '../../cli/command.ts';
import { readRunArgs } from '../../cli/read-run-args.ts';

export interface CommandRun {
  readonly code: number;
  /** What it printed as its result. */
  readonly out: string;
  /** What it said beside. */
  readonly err: string;
}

/** Runs a command in this process, as it was typed. Throws what it throws. */
export async function runTyped(
  command: RunCommand,
  environment: Readonly<Record<string, string>>,
  words: readonly string[],
): Promise<CommandRun> {
  const [out, err]: [string[], string[]] = [[], []];
  const io: CommandIo = {
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    screen: { write: () => undefined, isTerminal: false, columns: 80, now: () => 0 },
    environment,
  };
  const args = readRunArgs(command, words);
  if (args === 'help') throw new Error('no help was asked for');
  const code = await command.run(args, io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}
