import { DomainError, findingsOf, type Finding } from '../../shared/errors.ts';

/**
 * Runs one check and turns its `DomainError` into findings at `where`, so that the checks after it run too.
 * Resolves to undefined when the check failed.
 */
export async function collectFindings<T>(
  findings: Finding[],
  where: string,
  check: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    findings.push(...findingsOf(error, where));
    return undefined;
  }
}
