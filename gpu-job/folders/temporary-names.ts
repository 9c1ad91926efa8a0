import { createHash, randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isOtherProcessAlive } from './other-process.ts';

/**
 * A fresh hidden name beside `path` for what will be renamed to it: `.<name>.<pid>-<start>-<host>.<random>.tmp`. It says whose it is,
 * so that what a killed process left can be told from what a living one is writing.
 */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${thisProcess}.${randomUUID().slice(0, 8)}.tmp`);
}

/** Where the old content of a path waits while the new takes its place. */
export const replacedBeside = (temporary: string): string => `${temporary}${replacedSuffix}`;

/**
 * Removes what killed processes of this machine left in a folder under names of `temporaryBeside`: those for `name`, or all of them.
 * Old content whose place is empty goes back there: its process was killed between the two renames.
 */
export async function removeLeftovers(folder: string, name?: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const leftover = temporaryName.exec(entry)?.groups;
    if (!leftover || (name !== undefined && leftover['name'] !== name) || !isLeftover(leftover)) continue;
    const path = join(folder, entry);
    const place = join(folder, leftover['name'] ?? '');
    if (leftover['replaced'] && !(await stat(place).catch(() => undefined)))
      await rename(path, place).catch(unlessGone);
    else await rm(path, { recursive: true, force: true });
  }
}

const replacedSuffix = '.replaced';
const temporaryName =
  /^\.(?<name>.+)\.(?<pid>\d+)-(?<start>[0-9a-z]+)-(?<host>[0-9a-f]{8})\.[0-9a-f]{8}\.tmp(?<replaced>\.replaced)?$/;

const thisHost = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** Process ids are used again; with its start, the same for all threads, a process differs from its namesakes. */
const thisStart = Math.floor(performance.timeOrigin).toString(36);
const thisProcess = `${process.pid}-${thisStart}-${thisHost}`;

/** Of another machine nothing is known, so what it writes in a shared folder stays. */
function isLeftover({ pid, start, host }: Readonly<Record<string, string>>): boolean {
  if (host !== thisHost) return false;
  if (Number(pid) === process.pid) return start !== thisStart;
  return !isOtherProcessAlive({ pid: Number(pid), host: hostname() });
}

/** Another process may have found the same leftover. */
function unlessGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
