/**
 * The three kinds of failure. `DomainError`: the caller can act on it. `UnavailableError`: try again later.
 * `invariant`: our own bug. Everything a person reads stands in `message` and `findings`; `cause` is for logs only.
 */

/** One thing that is wrong (or worth knowing) about an input: what, where, and what to do about it. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Stable machine word, e.g. `tensor-overlap`. */
  readonly code: string;
  /** One sentence for a person: what is wrong and what to do. */
  readonly message: string;
  /** Where: a file, a tensor name, a JSON path, or `train.jsonl:17`. */
  readonly where?: string;
}

/** The caller's fault, permanent until the caller changes something. Carries all findings, not the first. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: string;
  readonly findings: readonly Finding[];

  constructor(code: string, message: string, options: { findings?: readonly Finding[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.findings = options.findings ?? [];
  }
}

/** The world's fault, passing: the same call may succeed later. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** Throws when our own reasoning was wrong; never used for a caller's input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** What an error says, as findings at `where`. */
export function findingsOf({ code, message, findings }: DomainError, where: string): Finding[] {
  const found: readonly Finding[] = findings.length > 0 ? findings : [{ severity: 'error', code, message }];
  return found.map((finding) => ({
    ...finding,
    where: finding.where === undefined ? where : `${where} ${finding.where}`,
  }));
}

/** Throws one `DomainError` that carries every finding when any of them is an error; otherwise returns the warnings. */
export function refuseErrors(code: string, summary: string, findings: readonly Finding[]): readonly Finding[] {
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return findings;
  const shown = errors
    .slice(0, 20)
    .map((finding) => `  ${finding.where ? `${finding.where}: ` : ''}${finding.message}`);
  const rest = errors.length > shown.length ? [`  ... and ${errors.length - shown.length} more`] : [];
  throw new DomainError(code, [summary, ...shown, ...rest].join('\n'), { findings });
}
