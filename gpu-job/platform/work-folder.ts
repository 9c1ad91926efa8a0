import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fence } from '../../shared/records/job-fence.ts';

/**
 * An empty folder for one container: `<work>/<team>/<job>/<epoch>`. What earlier containers of the job have left goes; one that still runs
 * has lost the job and fails at its next write.
 */
export async function makeWorkFolder(work: string, { team, jobId, epoch }: Fence): Promise<string> {
  const ofJob = join(work, team, jobId);
  for (const name of await readdir(ofJob).catch(() => []))
    await rm(join(ofJob, name), { recursive: true, force: true });
  const folder = join(ofJob, String(epoch));
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Removes it, and that of the job when nothing else is in it. */
export async function removeWorkFolder(work: string, { team, jobId, epoch }: Fence): Promise<void> {
  await rm(join(work, team, jobId, String(epoch)), { recursive: true, force: true });
  await rmdir(join(work, team, jobId)).catch(() => undefined);
}
