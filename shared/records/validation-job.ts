import { z } from 'zod';
import type { World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import type { JobRecord } from './jobs.ts';
import { recordValue } from './stored.ts';
import { newJob } from './submit-job.ts';

/** What such a job is told. */
export const validationRequestSchema = z.object({ kind: z.literal('validate-upload'), uploadId: z.string() });

/** The job that validates an upload, which is written in the transaction in which the upload gets its id, and started after that. */
export function newValidationJob(
  world: Pick<World, 'now' | 'randomBytes'>,
  caller: Caller,
  uploadId: string,
): JobRecord {
  const request: z.output<typeof validationRequestSchema> = { kind: 'validate-upload', uploadId };
  return newJob(world, caller, { kind: request.kind, request: recordValue(request) });
}
