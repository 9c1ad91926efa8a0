import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';

/**
 * The name that a result was meant to have; where somebody took it while the job ran, one that ends with the job's id: hours of work are not
 * thrown away for a name.
 */
export async function freeName(
  wanted: string,
  jobId: string,
  isFree: (name: string) => Promise<boolean>,
): Promise<{ readonly name: string; readonly findings: readonly Finding[] }> {
  if (await isFree(wanted)) return { name: wanted, findings: [] };
  const end = `-${jobId.slice(jobId.indexOf('_') + 1).slice(0, 8)}`;
  const name = `${wanted.slice(0, limits.nameCharsMax - end.length)}${end}`;
  const message = `the name "${wanted}" was taken while the job ran, so the result is called "${name}"`;
  return { name, findings: [{ severity: 'warning', code: 'renamed', where: 'output', message }] };
}
