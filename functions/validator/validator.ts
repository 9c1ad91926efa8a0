import type { PlatformEvent } from '../../shared/platform/ports.ts';
import { dueUploads } from './due-uploads.ts';
import { giveUp } from './give-up.ts';
import { takeUpload } from './take-upload.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/** Takes uploads one after the other, so that a validation has the disk for itself. */
export interface Validator {
  /** Looks at the upload that an event names. */
  onEvent(event: PlatformEvent): Promise<void>;
  /** Looks at every upload that is not settled: what an event was lost for, what a server left when it died, what has expired. */
  sweep(): Promise<void>;
  /** Resolves when nothing is in work. */
  idle(): Promise<void>;
}

export interface ValidatorOptions {
  /** Told of every failure that is not the upload's. */
  readonly onError: (error: unknown, uploadId: string) => void;
}

export function createValidator(deps: ValidatorDeps, { onError }: ValidatorOptions): Validator {
  const waiting = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  let last: Promise<void> = Promise.resolve();

  const take = async (team: string, uploadId: string): Promise<void> => {
    if (deps.stop?.aborted) return;
    try {
      await takeUpload(deps, team, uploadId);
      failures.delete(uploadId);
    } catch (error) {
      if (deps.stop?.aborted) return;
      onError(error, uploadId);
      const count = (failures.get(uploadId) ?? 0) + 1;
      failures.set(uploadId, count);
      if (count >= validatorFailuresMax) await giveUp(deps, team, uploadId, error);
    }
  };
  const enqueue = (team: string, uploadId: string): Promise<void> => {
    const known = waiting.get(uploadId);
    if (known) return known;
    const done = last
      .then(() => take(team, uploadId))
      .catch((error: unknown) => onError(error, uploadId))
      .finally(() => waiting.delete(uploadId));
    last = done;
    waiting.set(uploadId, done);
    return done;
  };

  return {
    async onEvent(event) {
      if (event.type === 'upload-completed') await enqueue(event.team, event.uploadId);
    },
    async sweep() {
      // all at once: what waits longest keeps its place before what comes meanwhile
      const due: Promise<void>[] = [];
      for await (const { team, id } of dueUploads(deps.world)) due.push(enqueue(team, id));
      await Promise.all(due);
    },
    async idle() {
      while (waiting.size > 0) await last;
    },
  };
}

/** Tries at one upload that end in a failure of our own before what it brought is rejected, so that nothing waits for ever. */
export const validatorFailuresMax = 3;
