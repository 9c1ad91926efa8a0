import { z } from 'zod';
import { invariant } from '../errors.ts';
import { ConditionError, type RecordTable, type RecordWrite } from '../platform/ports.ts';
import { keys } from './keys.ts';
import { stored } from './stored.ts';

/**
 * What a container holds that has claimed a job. Each of its writes names it, and fails once another container has claimed the job or it
 * was taken away: a container that was thought dead, and is not, can then do no harm.
 */
export interface Fence {
  readonly team: string;
  readonly jobId: string;
  /** Grows with each claim, and when a job is taken away. */
  readonly epoch: number;
  readonly revision: number;
}

/** The job belongs to another container now, or to none. */
export class FencedOutError extends Error {
  override readonly name = 'FencedOutError';

  constructor(options?: ErrorOptions) {
    super('this container no longer holds its job', options);
  }
}

const fenceRecord = z.object({ epoch: z.int() });

/** Of a job that exists. */
export async function readFence(table: RecordTable, team: string, jobId: string): Promise<Fence> {
  const record = await table.get(keys.jobFence(team, jobId));
  invariant(record, `the job ${jobId} was made with its fence`);
  const { value, revision } = stored(fenceRecord, record);
  return { team, jobId, epoch: value.epoch, revision };
}

/** Nothing is written unless the fence still stands. */
export function fenceCheck({ team, jobId, revision }: Fence): RecordWrite {
  return { check: keys.jobFence(team, jobId), condition: { ifRevision: revision } };
}

/** The first fence of a job. */
export function newFenceWrite(team: string, jobId: string): RecordWrite {
  return { put: { key: keys.jobFence(team, jobId), value: { epoch: 0 } }, condition: { ifAbsent: true } };
}

/** Takes the job from whoever holds it. The fence after it has the next epoch and revision. */
export function nextFenceWrite({ team, jobId, epoch, revision }: Fence): RecordWrite {
  return {
    put: { key: keys.jobFence(team, jobId), value: { epoch: epoch + 1 } },
    condition: { ifRevision: revision },
  };
}

/** The same error, or `FencedOutError` where it was the fence, at this position, that failed. */
export function fencedOut(error: unknown, position: number): unknown {
  return error instanceof ConditionError && error.failed.includes(position)
    ? new FencedOutError({ cause: error })
    : error;
}
