/** Something that stays where it is, and why. */
export interface Left {
  /** E.g. `the base tiny`, `french@3`. */
  readonly what: string;
  readonly why: string;
  /** Whether someone has to do something about it; otherwise it is how things are. */
  readonly conflict: boolean;
}

/** Something that has been brought to the other server. */
export interface Done {
  /** E.g. `the base tiny`, `french@3`. */
  readonly what: string;
  /** What it is called there, where that is something else. */
  readonly as?: string;
  readonly bytes: number;
}
