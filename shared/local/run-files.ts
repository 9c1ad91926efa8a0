import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from './durable-files.ts';
import { isOfThisBoot, processIdentity } from './process-identity.mjs';

/** How a run ended, as `run-watcher.mjs` writes it. */
export type RunEnd = { readonly exitCode: number } | { readonly signal: string } | { readonly error: string };

export type RunTrace =
  /** Its watcher has not come up. */
  | { readonly kind: 'unstarted' }
  | { readonly kind: 'alive'; readonly pid: number }
  | { readonly kind: 'ended'; readonly end: RunEnd }
  /** Its watcher is gone and left no word. `group`: processes of the run may be left, under this id. */
  | { readonly kind: 'gone'; readonly group?: number };

/** What a run's folder and the system say of it. */
export function traceRun(folder: string): RunTrace {
  // files of a run are complete or absent, and written by the watcher alone
  const started = readJson(join(folder, 'started.json')) as { pid?: number; identity?: string } | undefined;
  if (!started) return { kind: 'unstarted' };
  if (started.pid === undefined) return { kind: 'gone' };
  // looked at before the end, or one that came in between would be missed
  const now = processIdentity(started.pid);
  const end = readJson(join(folder, 'ended.json')) as RunEnd | undefined;
  if (end) return { kind: 'ended', end };
  if (now !== undefined && now === started.identity) return { kind: 'alive', pid: started.pid };
  // an id is given to no other process while a group of that id has members: if another has it, nobody is left
  const mayBeLeft = now === undefined && started.identity !== undefined && isOfThisBoot(started.identity);
  return mayBeLeft ? { kind: 'gone', group: started.pid } : { kind: 'gone' };
}

/** Ends all processes of a run; no error when none is left. */
export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** Sees to it that a run which no watcher has started never starts; nothing changes for one that was started. */
export function forbidStart(folder: string): void {
  try {
    writeFileSync(join(folder, 'started.json'), '{}', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
