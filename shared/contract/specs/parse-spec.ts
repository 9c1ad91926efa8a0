import type { z } from 'zod';
import { refuseErrors, type Finding } from '../../errors.ts';
import { composeSpecSchema } from './compose.ts';
import { dataCheckSpecSchema } from './data-check.ts';
import { estimateSpecSchema } from './estimate.ts';
import { evaluateSpecSchema } from './evaluate.ts';
import { exportSpecSchema } from './export.ts';
import { findRateSpecSchema } from './find-rate.ts';
import { generateSpecSchema } from './generate.ts';
import { mergeSpecSchema } from './merge.ts';
import { issueFindings } from './issue-findings.ts';
import { nearestWord } from './nearest-word.ts';
import { quantizeSpecSchema } from './quantize.ts';
import { sweepSpecSchema } from './sweep.ts';
import { trainTasksSpecSchema } from './train-tasks.ts';
import { trainSpecSchema } from './train.ts';
import { checkValue } from '../../check-value.ts';

/** The schema of every job, by its `kind`. */
const specSchemas = {
  train: trainSpecSchema,
  'train-tasks': trainTasksSpecSchema,
  sweep: sweepSpecSchema,
  'find-rate': findRateSpecSchema,
  estimate: estimateSpecSchema,
  evaluate: evaluateSpecSchema,
  generate: generateSpecSchema,
  compose: composeSpecSchema,
  merge: mergeSpecSchema,
  export: exportSpecSchema,
  quantize: quantizeSpecSchema,
  'data-check': dataCheckSpecSchema,
} as const;

export type SpecKind = keyof typeof specSchemas;
export const specKinds: readonly string[] = Object.keys(specSchemas);
/** What one job shall do, checked, with every default filled in. */
export type Spec = { [K in SpecKind]: z.output<(typeof specSchemas)[K]> }[SpecKind];

/** Checks a spec; throws `DomainError('spec')` with all findings, each with its JSON path. */
export function parseSpec(value: unknown): Spec {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  const findings: Finding[] = [];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    findings.push({ severity: 'error', code: 'spec', message: 'a spec is a JSON object with a "kind"' });
  else if (typeof kind !== 'string' || !Object.hasOwn(specSchemas, kind)) findings.push(kindFinding(kind));
  refuseErrors('spec', 'The spec cannot be run:', findings);
  const schema: z.ZodType<Spec> = specSchemas[kind as SpecKind]; // refused above when it is another
  const parsed = checkValue(schema, value, { reportInput: true });
  if (parsed.success) return parsed.data;
  refuseErrors('spec', `The ${String(kind)} spec cannot be run:`, issueFindings(schema, parsed.error.issues));
  throw parsed.error;
}

function kindFinding(kind: unknown): Finding {
  const nearest = typeof kind === 'string' ? nearestWord(kind, specKinds) : undefined;
  const given = kind === undefined ? 'is missing' : `${JSON.stringify(kind)} is not a kind of job`;
  const hint = nearest ? `; did you mean "${nearest}"?` : `: one of ${specKinds.join(', ')}`;
  return { severity: 'error', code: 'spec', where: 'kind', message: `${given}${hint}` };
}
