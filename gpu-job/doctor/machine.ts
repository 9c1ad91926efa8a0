import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { limits } from '../../shared/limits.ts';

/** `bytes`: what this process may use. */
export const memoryCheck = (bytes: number): Diagnosis =>
  atLeast('memory', bytes, limits.jobMemoryBytesMin, 'give the container more');

/** `bytes`: free where jobs work. */
export const diskCheck = (bytes: number): Diagnosis =>
  atLeast('disk', bytes, limits.jobDiskBytesMin, 'give the machine a larger volume, or empty this one');

function atLeast(what: string, bytes: number, min: number, otherwise: string): Diagnosis {
  if (bytes >= min) return { what, verdict: 'good', detail: gigabytes(bytes) };
  return { what, verdict: 'bad', detail: `${gigabytes(bytes)}, less than ${gigabytes(min)}: ${otherwise}` };
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Whether jobs can write where they work, and the room they have. */
export async function workChecks(folder: string): Promise<Diagnosis[]> {
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = `${reason}: user ${process.getuid?.()} has to own it (LORARY_WORK names another folder)`;
    return [{ what: 'work folder', verdict: 'bad', detail }];
  }
  const { bavail, bsize } = await statfs(folder);
  return [{ what: 'work folder', verdict: 'good', detail: folder }, diskCheck(bavail * bsize)];
}
