/** A flag of a command: where its value goes in the spec, and how it is read. */
export interface Flag {
  /** JSON path in the spec, e.g. `data.train`. */
  readonly path: string;
  readonly help: string;
  /** How the text is read; `switch` takes no value and sets `set`. A `path` starts at the folder the user stands in. */
  readonly kind: 'path' | 'text' | 'number' | 'names' | 'prompt' | 'conversation' | 'switch';
  /** What stands for the value in the help, e.g. `FOLDER`. */
  readonly value?: string;
  /** What a switch sets; default true. */
  readonly set?: unknown;
  readonly short?: string;
  /** May be given several times: the values form a list. */
  readonly multiple?: boolean;
}

/** One `lorary` command: flags that build the same spec as a file would hold. */
export interface Command {
  /** As typed, e.g. `data check`. */
  readonly name: string;
  readonly summary: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** What is in the spec whatever the flags say. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** Puts words that are no flags into the spec; absent: there may be none. */
  readonly words?: (words: readonly string[], spec: Record<string, unknown>) => void;
  readonly examples: readonly string[];
}
