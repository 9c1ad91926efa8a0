import { DomainError, type Finding } from '../shared/errors.ts';

/** An error for a person: what, where, what to do. `nameOf` tells how a place is called where the user stands, e.g. as a flag. */
export function errorText(error: unknown, nameOf: (where: string) => string | undefined = () => undefined): string {
  if (!(error instanceof DomainError)) return error instanceof Error ? error.message : String(error);
  const errors = error.findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return error.message;
  const [summary = ''] = error.message.split('\n', 1);
  const shown = errors.slice(0, shownMax).map((finding) => `  ${findingText(finding, nameOf)}`);
  const rest = errors.length > shownMax ? [`  ... and ${errors.length - shownMax} more`] : [];
  return [summary, ...shown, ...rest].join('\n');
}

/** One finding as one line. */
export function findingText(
  { where, message }: Finding,
  nameOf: (where: string) => string | undefined = () => undefined,
): string {
  return where === undefined ? message : `${nameOf(where) ?? where}: ${message}`;
}

const shownMax = 50;
