import { jobRequestSchema, type JobRequest } from '../../shared/contract/job-requests.ts';
import { issueFindings } from '../../shared/contract/specs/issue-findings.ts';
import { refuseErrors } from '../../shared/errors.ts';

/** Checks what is going to be asked of the server. Throws `DomainError('spec')` with all findings, each with its JSON path. */
export function parseJobRequest(value: Readonly<Record<string, unknown>>): JobRequest {
  const parsed = jobRequestSchema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  refuseErrors(
    'spec',
    `This ${String(value['kind'])} job cannot be run:`,
    issueFindings(jobRequestSchema, parsed.error.issues),
  );
  throw parsed.error;
}
