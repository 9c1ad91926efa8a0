/** What flags of the server have put beside a spec. */
export interface NamedOptions {
  readonly dryRun: boolean;
  readonly detach: boolean;
}

/** Takes what concerns the server out of a spec. */
export function splitNamed(spec: Readonly<Record<string, unknown>>): {
  readonly rest: Record<string, unknown>;
  readonly options: NamedOptions;
} {
  const { named, ...rest } = spec;
  const given = (named ?? {}) as Partial<NamedOptions>; // switches, written by the table of flags
  return { rest, options: { dryRun: given.dryRun === true, detach: given.detach === true } };
}

/** A value of a spec as it was typed. */
export const textAt = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
