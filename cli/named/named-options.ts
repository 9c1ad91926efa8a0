/** What flags of the server have put beside a spec. */
export interface NamedOptions {
  readonly dryRun: boolean;
  readonly detach: boolean;
  /** What the job may take at most; the server checks it. */
  readonly budget?: Readonly<Record<string, unknown>>;
}

/** Takes what concerns the server out of a spec. */
export function splitNamed(spec: Readonly<Record<string, unknown>>): {
  readonly rest: Record<string, unknown>;
  readonly options: NamedOptions;
} {
  const { named, ...rest } = spec;
  const given = (named ?? {}) as Partial<NamedOptions>; // switches, written by the table of flags
  const { dryRun, detach, budget } = given;
  return {
    rest,
    options: { dryRun: dryRun === true, detach: detach === true, ...(budget === undefined ? {} : { budget }) },
  };
}

/** A value of a spec as it was typed. */
export const textAt = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
