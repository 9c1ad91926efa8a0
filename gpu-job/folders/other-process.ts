import { hostname } from 'node:os';

/** A process as another one can name it. */
export interface ProcessName {
  readonly pid: number;
  readonly host: string;
}

/** Whether a process of this machine, other than this one, still runs. One of another machine cannot be asked and counts as gone. */
export function isOtherProcessAlive({ pid, host }: ProcessName): boolean {
  if (host !== hostname() || pid === process.pid) return false;
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, but another user's
  }
}
