import type { Method } from '../methods/method.ts';
import { checkpointSteps, readCheckpointAt, readLatestCheckpoint, type Checkpoint } from './checkpoint.ts';

/** One of several runs that take their steps together, each until it has taken all of its own. */
export interface RunOfSeveral {
  /** Of its checkpoints. */
  readonly folder: string;
  readonly steps: number;
  readonly method: Pick<Method, 'parameters' | 'constants'>;
}

/**
 * The checkpoint from which each of several runs goes on; undefined where it begins. They are those after the last pass of which all have one, so that the
 * same rows meet in the passes to come as if nothing had been interrupted. Where there is no such pass, because a run was added or its folder
 * removed, each goes on from its own newest. Throws `DomainError('checkpoint-spoilt')`.
 */
export async function commonCheckpoints(runs: readonly RunOfSeveral[]): Promise<readonly (Checkpoint | undefined)[]> {
  const known = await Promise.all(runs.map(({ folder }) => checkpointSteps(folder)));
  const passes = [...new Set(known.flat())].toSorted((a, b) => b - a);
  for (const pass of passes) {
    const after = runs.map(({ steps }) => Math.min(pass, steps));
    if (!after.every((step, i) => known[i]?.includes(step))) continue;
    const found: Checkpoint[] = [];
    for (const [i, { folder, method }] of runs.entries()) {
      const checkpoint = await readCheckpointAt(folder, after[i] ?? 0, method);
      if (!checkpoint) break;
      found.push(checkpoint);
    }
    if (found.length === runs.length) return found;
  }
  return Promise.all(runs.map(({ folder, method }) => readLatestCheckpoint(folder, method)));
}
