import { readFile } from 'node:fs/promises';
import { exitCodeOf, exitCodes } from '../gpu-job/main.ts';
import { parseSpec } from '../shared/contract/specs/parse-spec.ts';
import { DomainError } from '../shared/errors.ts';
import { buildSpec, flagAt } from './build-spec.ts';
import type { Command, CommandIo, RunCommand, SpecCommand } from './command.ts';
import { commands } from './commands.ts';
import { errorText } from './error-text.ts';
import { findCommand } from './find-command.ts';
import { commandText, overviewText } from './help-text.ts';
import { readRunArgs } from './read-run-args.ts';
import { runSpec } from './run-spec.ts';

/** Runs the command line. Resolves to the exit code; results go to standard output, everything else to standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const io = processIo();
  const [first] = args;
  let command: Command | undefined;
  try {
    if (first === 'help' && args.length > 1) io.print(commandText(findCommand(commands, args.slice(1)).command));
    else if (first === undefined || first === 'help' || first === '--help' || first === '-h')
      io.print(overviewText(commands));
    else if (first === '--version') io.print(await version());
    else {
      const found = findCommand(commands, args);
      command = found.command;
      return await ('run' in command ? runItself(command, found.own, io) : runAsJob(command, found.own, io));
    }
    return exitCodes.done;
  } catch (error) {
    return tellError(error, json, command, io);
  }
}

async function runItself(command: RunCommand, args: readonly string[], io: CommandIo): Promise<number> {
  const read = readRunArgs(command, args);
  if (read !== 'help') return command.run(read, io);
  io.print(commandText(command));
  return exitCodes.done;
}

async function runAsJob(command: SpecCommand, args: readonly string[], io: CommandIo): Promise<number> {
  const { spec, common, works } = buildSpec(command, args);
  if (common.help) io.print(commandText(command));
  else if (works === 'names' && command.named) return command.named.run(spec, common.json, io);
  else {
    const checked = parseSpec((await command.load?.(spec)) ?? spec);
    if (!common.printSpec) return runSpec(checked, common.json, io);
    io.print(JSON.stringify(checked, undefined, 2));
  }
  return exitCodes.done;
}

function tellError(error: unknown, json: boolean, command: Command | undefined, io: CommandIo): number {
  const code = exitCodeOf(error);
  const nameOf = (where: string): string | undefined =>
    command && !('run' in command) ? flagAt(command, where.split(' ')[0] ?? '') : undefined;
  const text = code === exitCodes.bug ? bugText(error, io.environment) : errorText(error, nameOf);
  const findings = error instanceof DomainError ? error.findings : [];
  const kind = error instanceof DomainError ? error.code : code === exitCodes.retry ? 'unavailable' : 'bug';
  if (json) io.print(JSON.stringify({ error: { code: kind, message: errorText(error), findings } }));
  io.note(text);
  return code;
}

/** A stack says nothing to most people; those who want it ask for it. */
function bugText(error: unknown, environment: CommandIo['environment']): string {
  const stack = environment['LORARY_DEBUG'] && error instanceof Error ? error.stack : undefined;
  return `This is a bug in lorary, please report it: ${stack ?? `${errorText(error)} (LORARY_DEBUG=1 tells where it comes from)`}`;
}

/** The process as a command sees it. */
function processIo(): CommandIo {
  // whoever reads has enough, as `head` does; the command goes on to its own end
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    screen: {
      write: (text) => void process.stderr.write(text),
      isTerminal: process.stderr.isTTY,
      columns: process.stderr.columns ?? 80,
      now: () => performance.now(),
    },
    environment: process.env,
  };
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version; // our own file
}
