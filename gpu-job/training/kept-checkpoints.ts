import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainReport } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { checkpointName, readCheckpointState, type RunState } from './checkpoint.ts';
import type { RunFolders } from './run-folders.ts';

type Keep = NonNullable<TrainSpec['keep']>;

/** Checkpoints that stay of a run in this state, in their order. */
export function keptSteps(
  keep: Keep,
  { kept, best }: Pick<RunState, 'kept' | 'best'>,
): NonNullable<TrainReport['checkpoints']> {
  const bestStep = keep.best ? best?.step : undefined;
  const steps = new Set([...kept, ...(bestStep === undefined ? [] : [bestStep])]);
  return [...steps].toSorted((a, b) => a - b).map((step) => ({ step, best: step === bestStep }));
}

/** The kept steps after one more: the last so many. */
export const keptAfter = (kept: readonly number[], step: number, { last }: Keep): readonly number[] =>
  last === 0 ? kept : [...kept, step].slice(-last);

/**
 * Puts what stays of a run that is done into `<output>.checkpoints`, which appears at once, and deletes the others. Where that was done already, or there is
 * nothing to keep, nothing is.
 */
export async function keepCheckpoints(folders: RunFolders, keep: Keep | undefined): Promise<void> {
  const newest = keep && (await readCheckpointState(folders.checkpoints));
  if (!keep || !newest) return;
  const wanted = new Set(keptSteps(keep, newest.state).map(({ step }) => checkpointName(step)));
  if (wanted.size === 0) return;
  for (const name of await readdir(folders.checkpoints))
    if (!wanted.has(name)) await rm(join(folders.checkpoints, name), { recursive: true, force: true });
  await rename(folders.checkpoints, folders.kept);
}
