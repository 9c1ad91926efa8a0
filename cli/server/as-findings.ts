import type { z } from 'zod';
import type { findingField } from '../../shared/contract/fields.ts';
import type { Finding } from '../../shared/errors.ts';

/** Findings of an answer, as the rest of the program has them: a place that is not there is absent. */
export function asFindings(findings: readonly z.output<typeof findingField>[]): Finding[] {
  return findings.map(({ where, ...finding }) => (where === undefined ? finding : { ...finding, where }));
}
