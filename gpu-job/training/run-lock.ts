import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../../shared/errors.ts';
import { isOtherProcessAlive } from '../folders/other-process.ts';

/**
 * Makes sure that one process at a time works in a run's folder: two would write each other's checkpoints. A lock whose process is
 * gone (killed, or on a machine that went down) is taken over; a folder that two machines share is the caller's to guard. Resolves
 * to what gives the lock back.
 */
export async function lockRun(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock.json');
  const owner = ownerSchema.safeParse(parse(await readFile(path, 'utf8').catch(() => '')));
  if (owner.success && isOtherProcessAlive(owner.data))
    throw new DomainError(
      'run-locked',
      `Process ${owner.data.pid} is working in ${folder} already: wait for it, or stop it first. If it is no job of lorary, delete ${path}.`,
    );
  await writeFile(path, JSON.stringify({ pid: process.pid, host: hostname() }));
  return () => rm(path, { force: true });
}

const ownerSchema = z.object({ pid: z.int().positive(), host: z.string() });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // half written by a process that was killed then
  }
}
