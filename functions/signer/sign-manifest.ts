import { z } from 'zod';
import { manifestSchema, type Manifest } from '../../shared/contract/manifests.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { DomainError } from '../../shared/errors.ts';
import type { RecordTable, SigningKey, World } from '../../shared/platform/ports.ts';
import { findJob, type JobRecord } from '../../shared/records/jobs.ts';
import { signatureOf } from '../../shared/records/signature-of.ts';
import { getUploadRecord } from '../../shared/records/uploads.ts';
import { validationRequestSchema } from '../../shared/records/validation-job.ts';
import { statementBytes, statementOf } from '../../shared/signing/manifest.ts';

const id = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const order = z.strictObject({ team: id, jobId: id, runId: id, manifest: manifestSchema });

export type SignAnswer =
  | { readonly ok: true; readonly key: SigningKey; readonly value: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Signs the manifest of what the job of a container makes, as the statement that is formed here: a container that was taken over gets
 * no signature of anything else, of another team least of all. Throws `UnavailableError` while the key does not sign.
 */
export async function signManifest(world: Pick<World, 'table' | 'signer'>, value: unknown): Promise<SignAnswer> {
  const { data } = order.safeParse(value);
  const job = data && (await findJob(world.table, data.team, data.jobId))?.value;
  if (!data || !job || job.runId !== data.runId || hasEnded(job.state))
    return refuse('no-such-run', 'There is no such run, or it is not the one that has the job.');
  const { manifest, team } = data;
  const made = await madeBy(world.table, job);
  if (manifest.team !== team || made?.kind !== manifest.kind || made.id !== manifest.id)
    return refuse(
      'not-its-own',
      `The job ${job.id} makes no ${manifest.kind} ${manifest.id}: its manifest is not signed.`,
    );
  const signed = await signatureOf(world.signer, statementBytes(statementOf(manifest)));
  if (!signed) return refuse('nothing-signs', 'This platform has no key to sign with.');
  return { ok: true, key: signed.key, value: signed.signature.value };
}

const refuse = (code: string, message: string): SignAnswer => ({ ok: false, code, message });

/** What a job publishes, whose id was chosen with it or with the upload that it validates. */
async function madeBy(table: RecordTable, job: JobRecord): Promise<Pick<Manifest, 'kind' | 'id'> | undefined> {
  const { versionId, baseId } = job.makes;
  if (versionId !== undefined) return { kind: 'adapter', id: versionId };
  if (baseId !== undefined) return { kind: 'base', id: baseId };
  const { data } = validationRequestSchema.safeParse(job.request);
  if (!data) return undefined;
  try {
    const { jobId, target } = (await getUploadRecord(table, job.team, data.uploadId)).value;
    return jobId === job.id && target.kind === 'adapter' ? { kind: 'adapter', id: target.versionId } : undefined;
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
