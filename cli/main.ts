import { readFile } from 'node:fs/promises';
import { exitCodeOf, exitCodes, readSpecFile, runJob, withStopSignals } from '../gpu-job/main.ts';
import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import { parseSpec, type Spec } from '../shared/contract/specs/parse-spec.ts';
import { DomainError } from '../shared/errors.ts';
import { buildSpec, flagAt } from './build-spec.ts';
import type { Command } from './command.ts';
import { compose } from './commands/compose.ts';
import { dataCheck } from './commands/data-check.ts';
import { evaluate } from './commands/evaluate.ts';
import { generate } from './commands/generate.ts';
import { merge } from './commands/merge.ts';
import { train } from './commands/train.ts';
import { errorText } from './error-text.ts';
import { commandText, overviewText, runText } from './help-text.ts';
import { progressView } from './progress-view.ts';
import { reportText } from './report-text.ts';

const commands: readonly Command[] = [train, compose, merge, evaluate, generate, dataCheck];

/** Runs the command line. Resolves to the exit code; results go to standard output, everything else to standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const command = findCommand(args);
  try {
    const spec = await readSpec(args, command);
    if (typeof spec === 'string') print(spec);
    else await runSpec(spec, json);
    return exitCodes.done;
  } catch (error) {
    return tellError(error, json, command);
  }
}

/** The checked spec, or a text that was asked for instead. */
async function readSpec(args: readonly string[], command: Command | undefined): Promise<Spec | string> {
  const [first] = args;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') return overviewText(commands);
  if (first === '--version') return version();
  if (first === 'run') return readRunSpec(args.slice(1));
  if (!command) throw unknownCommand(args);
  const { spec, common } = buildSpec(command, args.slice(command.name.split(' ').length));
  if (common.help) return commandText(command);
  const checked = parseSpec(spec);
  return common.printSpec ? JSON.stringify(checked, undefined, 2) : checked;
}

async function readRunSpec(args: readonly string[]): Promise<Spec | string> {
  if (args.includes('--help') || args.includes('-h')) return runText;
  const strange = args.find((arg) => arg.startsWith('-') && arg !== '--json');
  if (strange !== undefined) throw new DomainError('usage', `${strange} is no flag of run; see lorary run --help.`);
  const [path, ...more] = args.filter((arg) => arg !== '--json');
  if (path === undefined || more.length > 0) throw new DomainError('usage', 'Give one spec file: lorary run SPEC.json');
  return readSpecFile(path);
}

function findCommand(args: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name.split(' ').every((word, i) => args[i] === word));
}

function unknownCommand([first = '', second = '']: readonly string[]): DomainError {
  const names = ['run', ...commands.map(({ name }) => name)];
  const nearest =
    nearestWord(`${first} ${second}`, names) ??
    nearestWord(first, names) ??
    names.find((name) => name.startsWith(first));
  return new DomainError(
    'usage',
    `"${first}" is no command of lorary${nearest ? `; did you mean "${nearest}"?` : ''} See lorary --help.`,
  );
}

async function runSpec(spec: Spec, json: boolean): Promise<void> {
  const view = progressView({
    write: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
    columns: process.stderr.columns ?? 80,
    now: () => performance.now(),
  });
  const work = (stop: AbortSignal): ReturnType<typeof runJob> =>
    runJob(spec, { stop, ...(json ? {} : { onEvent: (event) => view.show(event) }) });
  try {
    const report = await withStopSignals(work, (signal) => {
      view.note(`${signal}: saving and ending${signal === 'SIGINT' ? '; Ctrl-C again quits at once' : ''}`);
    });
    view.end();
    print(json ? JSON.stringify(report) : reportText(report));
  } finally {
    view.end();
  }
}

function tellError(error: unknown, json: boolean, command: Command | undefined): number {
  const code = exitCodeOf(error);
  const nameOf = (where: string): string | undefined => command && flagAt(command, where.split(' ')[0] ?? '');
  const text =
    code === exitCodes.bug && error instanceof Error
      ? `This is a bug in lorary, please report it:\n${error.stack ?? error.message}`
      : errorText(error, nameOf);
  const findings = error instanceof DomainError ? error.findings : [];
  const kind = error instanceof DomainError ? error.code : code === exitCodes.retry ? 'unavailable' : 'bug';
  if (json) print(JSON.stringify({ error: { code: kind, message: errorText(error), findings } }));
  process.stderr.write(`${text}\n`);
  return code;
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version; // our own file
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
