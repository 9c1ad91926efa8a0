import type { Screen } from './progress-view.ts';

/** A flag as it is typed and explained. */
export interface FlagForm {
  readonly help: string;
  /** How the text is read; `switch` takes no value. A `path` starts at the folder the user stands in;
   * `weighted` is one with `=WEIGHT` behind it, or without. */
  readonly kind: 'path' | 'text' | 'number' | 'names' | 'prompt' | 'conversation' | 'weighted' | 'switch';
  /** What stands for the value in the help, e.g. `FOLDER`. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times: the values form a list. */
  readonly multiple?: boolean;
}

/** A flag of a command that builds a spec: where its value goes in there. */
export interface Flag extends FlagForm {
  /** JSON path in the spec, e.g. `data.train`. */
  readonly path: string;
  /** What a switch sets; default true. */
  readonly set?: unknown;
  /** What giving it says besides, by JSON path; a flag of its own for that place says otherwise. */
  readonly implies?: Readonly<Record<string, unknown>>;
  /** Has a meaning only where the command works on folders here, or only where it works on names of the server. */
  readonly only?: 'folders' | 'names';
}

/** What every `lorary` command tells of itself. */
interface CommandForm {
  /** As typed, e.g. `data check`. */
  readonly name: string;
  /** Other names that mean the same. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly flags: Readonly<Record<string, FlagForm>>;
  /** Lines of the help below the flags. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
}

/** A command whose flags build the same spec as a file would hold; a job then runs it. */
export interface SpecCommand extends CommandForm {
  readonly flags: Readonly<Record<string, Flag>>;
  /** The flag that a word without one was probably meant for. */
  readonly mainFlag?: string;
  /** What is in the spec whatever the flags say. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** Puts words that are no flags into the spec, paths by `place`; absent: there may be none. Throws `DomainError('usage')`. */
  readonly words?: (words: readonly string[], spec: Record<string, unknown>, place: (path: string) => string) => void;
  /** Reads what a spec names in the place of its own content; absent: it has everything. */
  readonly load?: (spec: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;
  /** The same on the server, for what it keeps under names; absent: folders only. */
  readonly named?: NamedForm;
}

/** How a command that builds a spec works on names. */
export interface NamedForm {
  /** What in a spec decides between folders and names. */
  subjects(spec: Readonly<Record<string, unknown>>): readonly Subject[];
  /** `spec` holds everything as it was typed. Resolves to the exit code. */
  run(spec: Readonly<Record<string, unknown>>, json: boolean, io: CommandIo): Promise<number>;
}

/** A base or an adapter as it was typed. */
export interface Subject {
  readonly text: string;
  /** The file that a folder of this kind has. */
  readonly file: 'config.json' | 'adapter_config.json';
}

/** How many words that are no flags a command takes, and what they are called in messages, e.g. `ADAPTER`. */
export interface WordsForm {
  readonly what: string;
  readonly min: number;
  readonly max: number;
}

/** A command that does its work itself. */
export interface RunCommand extends CommandForm {
  readonly flags: Readonly<Record<string, RunFlag>>;
  /** Absent: there may be none. */
  readonly words?: WordsForm;
  /** Resolves to the exit code. What it throws is told to the user like a job's error. */
  run(args: RunArgs, io: CommandIo): Promise<number>;
}

export type Command = SpecCommand | RunCommand;

/** A flag of a command that does its work itself. */
export interface RunFlag extends FlagForm {
  readonly kind: 'path' | 'text' | 'number' | 'switch';
}

/** The arguments of a command, read but not yet judged by it: numbers are numbers, paths absolute. */
export interface RunArgs<F extends Readonly<Record<string, RunFlag>> = Readonly<Record<string, RunFlag>>> {
  readonly words: readonly string[];
  readonly flags: { readonly [K in keyof F]: FlagValue<F[K]> };
  /** Whether the result is wanted as one line of JSON on standard output, and nothing else there. */
  readonly json: boolean;
}

type FlagValue<F extends RunFlag> = F extends { readonly kind: 'switch' }
  ? boolean
  : F extends { readonly multiple: true }
    ? readonly OneValue<F>[]
    : OneValue<F> | undefined;
type OneValue<F extends RunFlag> = F extends { readonly kind: 'number' } ? number : string;

/** The world as a command sees it. */
export interface CommandIo {
  /** A line of the result, on standard output. */
  print(text: string): void;
  /** A line that is no result, on standard error. */
  note(text: string): void;
  /** Where progress is drawn: standard error. */
  readonly screen: Screen;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Declares a command whose `run` knows the types of its own flags. */
export function runCommand<const F extends Readonly<Record<string, RunFlag>>>(
  command: Omit<RunCommand, 'flags' | 'run'> & {
    readonly flags: F;
    run(args: RunArgs<F>, io: CommandIo): Promise<number>;
  },
): RunCommand {
  return { ...command, run: (args, io) => command.run(args as RunArgs<F>, io) }; // `readRunArgs` reads them by these flags
}
