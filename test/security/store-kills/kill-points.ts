import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkAdapters } from '../../crash/check/check-adapters.ts';
import { checkBlobs } from '../../crash/check/check-blobs.ts';
import { checkLeftOvers } from '../../crash/check/check-left-overs.ts';
import { readStore, type Store } from '../../crash/check/store.ts';
import type { Operation } from './operations.ts';
import { openScene, type Scene } from './scene.ts';
import { comparableState, difference, exactState, unnotedVersions } from './seen-state.ts';

/** What processes that nobody kills leave. */
export interface Ends {
  /** The calls that the operation makes of its store, in their order. */
  readonly calls: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The same once the next start has swept. */
  readonly sweptBefore: readonly string[];
  readonly sweptAfter: readonly string[];
  /** And when the client has called again. */
  readonly repeated: readonly string[];
}

export interface KillPoint {
  /** From 1. */
  readonly call: number;
  readonly when: 'before' | 'after';
}

export interface KillOptions {
  /** A store that is as before; it is not changed. */
  readonly template: string;
  /** For copies. */
  readonly folder: string;
  readonly operation: Operation;
  /** Publishes by two writes. */
  readonly fault?: 'split';
}

const victim = fileURLToPath(new URL('victim.mjs', import.meta.url));

export async function measureEnds(options: KillOptions): Promise<Ends> {
  const { template, operation, fault } = options;
  const before = exactState(readStore(join(template, 'data')));
  const sweptBefore = await inCopy(options, 'before', async (copy) => {
    await (await restart(copy, operation)).close();
    return comparableState(readStore(join(copy, 'data')));
  });
  return inCopy(options, 'after', async (copy) => {
    const { stdout } = await startVictim(copy, [operation.name, '0', 'before', fault ?? '']);
    const calls = JSON.parse(stdout) as string[]; // printed by the victim
    const after = exactState(readStore(join(copy, 'data')));
    const scene = await restart(copy, operation);
    const sweptAfter = comparableState(readStore(join(copy, 'data')));
    await operation.repeat(scene);
    await scene.close();
    const repeated = comparableState(readStore(join(copy, 'data')));
    return { calls, before, after, sweptBefore, sweptAfter, repeated };
  });
}

/** Kills the operation there, starts anew, and says what is not as it should be. */
export async function killAt(options: KillOptions, ends: Ends, { call, when }: KillPoint): Promise<string[]> {
  const { operation, fault } = options;
  const at = `${operation.name}, killed ${when} call ${call} (${ends.calls[call - 1] ?? '?'})`;
  return inCopy(options, `${call}-${when}`, async (copy) => {
    const { signal } = await startVictim(copy, [operation.name, String(call), when, fault ?? '']);
    if (signal !== 'SIGKILL') return [`${at}: the process was not killed`];
    const read = (): Store => readStore(join(copy, 'data'));
    const killed = read();
    const found = [...checkBlobs(killed), ...unnotedVersions(killed)];
    if (operation.isOneWrite) found.push(...between('when it died', exactState(killed), ends.before, ends.after));

    const scene = await restart(copy, operation);
    const swept = read();
    found.push(...between('after the next start', comparableState(swept), ends.sweptBefore, ends.sweptAfter));
    found.push(...checkAdapters(swept), ...checkBlobs(swept));
    await operation.repeat(scene).catch((error: unknown) => found.push(`repeated: ${String(error)}`));
    await scene.close();
    const isElse = difference(comparableState(read()), ends.repeated);
    if (isElse !== undefined) found.push(`when the client had called again, the store ${isElse}`);

    await (await openScene({ folder: copy, role: 'server', aheadMilliseconds: lateMilliseconds })).close();
    const late = read();
    found.push(...checkLeftOvers(late), ...checkBlobs(late));
    return found.map((text) => `${at}: ${text}`);
  });
}

/** More than anything is kept that no record names, beyond every operation. */
const lateMilliseconds = 60 * 86_400_000;

/** The next server, once it has looked after what it found. */
async function restart(copy: string, { restartMilliseconds }: Operation): Promise<Scene> {
  const scene = await openScene({ folder: copy, role: 'server', aheadMilliseconds: restartMilliseconds });
  await scene.sweep();
  return scene;
}

function between(moment: string, is: readonly string[], before: readonly string[], after: readonly string[]): string[] {
  const [fromBefore, fromAfter] = [difference(is, before), difference(is, after)];
  if (fromBefore === undefined || fromAfter === undefined) return [];
  return [`${moment} it was between: against the state before, it ${fromBefore}; against that after, it ${fromAfter}`];
}

async function inCopy<T>(
  { template, folder }: Pick<KillOptions, 'template' | 'folder'>,
  name: string,
  work: (copy: string) => Promise<T>,
): Promise<T> {
  const copy = join(folder, name);
  await cp(template, copy, { recursive: true });
  try {
    return await work(copy);
  } finally {
    await rm(copy, { recursive: true });
  }
}

async function startVictim(
  copy: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [victim, copy, ...args], (error, stdout, stderr) => {
      if (error && child.signalCode === null) reject(new Error(`the operation failed by itself: ${stderr}`));
      else resolve({ stdout, signal: child.signalCode });
    });
  });
}
