import { z } from 'zod';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { RecordTable, World } from '../../shared/platform/ports.ts';
import { blobPrefixes } from '../../shared/records/blob-keys.ts';
import { importRequestSchema } from '../../shared/records/import-request.ts';
import { findJob, type JobRecord } from '../../shared/records/jobs.ts';
import { resolveVersion, type VersionRecord } from '../../shared/records/versions.ts';

/** None has a character that means something in a key or in a policy. */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const order = z.strictObject({ team: id, jobId: id, runId: id });

export type CredentialsAnswer<Credentials> =
  | { readonly ok: true; readonly credentials: Credentials; readonly hubToken?: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface CredentialsDeps<Credentials> {
  readonly world: Pick<World, 'table'>;
  /** `readable`: beginnings of blob keys of other teams that it may read beside its own. */
  readonly assume: (team: string, jobId: string, readable: readonly string[]) => Promise<Credentials>;
  /** Of the Hugging Face account of the stage; absent: it has none. */
  readonly hubToken?: () => Promise<string | undefined>;
}

/**
 * Credentials for the container that a job has just now. Its run's id is what it shows: random, told to that container alone, and worth
 * nothing once the job has another run or has ended. A job that imports from Hugging Face gets the token for it, and no other does. What is not known and what is over are refused alike.
 */
export async function giveCredentials<Credentials>(
  { world, assume, hubToken }: CredentialsDeps<Credentials>,
  value: unknown,
): Promise<CredentialsAnswer<Credentials>> {
  const { data } = order.safeParse(value);
  const job = data && (await findJob(world.table, data.team, data.jobId))?.value;
  if (!data || !job || job.runId !== data.runId || hasEnded(job.state))
    return { ok: false, code: 'no-such-run', message: 'There is no such run, or it is not the one that has the job.' };
  const token = fetchesFromHub(job) ? await hubToken?.() : undefined;
  const credentials = await assume(data.team, data.jobId, await sharedPrefixes(world.table, job));
  return { ok: true, credentials, ...(token === undefined ? {} : { hubToken: token }) };
}

/**
 * Where the versions lie that other teams share and the job reads. The job's record is one that its own container writes: what it says
 * counts only where the other team's records say the same now.
 */
async function sharedPrefixes(table: RecordTable, { team, shared = [] }: JobRecord): Promise<readonly string[]> {
  const prefixes: string[] = [];
  for (const { adapter, versionId } of shared.slice(0, limits.sharedVersionsMax)) {
    const found = await findShared(table, team, adapter, versionId);
    if (found) prefixes.push(blobPrefixes.version(found.team, found.id));
  }
  return prefixes;
}

async function findShared(
  table: RecordTable,
  team: string,
  adapter: string,
  versionId: string,
): Promise<VersionRecord | undefined> {
  try {
    return (await resolveVersion(table, team, adapter, versionId)).version.value;
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

const fetchesFromHub = ({ request }: JobRecord): boolean =>
  importRequestSchema.safeParse(request).data?.source.kind === 'huggingface';
