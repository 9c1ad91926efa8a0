import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { Job } from '../../shared/contract/jobs.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import { writeHeartbeat } from '../../shared/records/job-heartbeat.ts';
import { appendToStream, type StreamContent } from '../../shared/records/job-stream.ts';

/** What a container tells the world while it works. */
export interface JobVoice {
  /** Never waits and never fails. */
  say(content: StreamContent): void;
  /** Aborted when the job was taken away: nothing that is done from then on counts. */
  readonly lost: AbortSignal;
  /** Everything said so far is written. Throws `FencedOutError`. */
  flush(): Promise<void>;
  /** Ends the heartbeats; what was said and not written is dropped. */
  stop(): void;
}

/** Writes what is said about once a second, and that the container lives every few seconds. A store that is away is tried again. */
export function openVoice(world: World, fence: Fence, attempt: number): JobVoice {
  const lost = new AbortController();
  let said: StreamContent[] = [];
  let progress: Job['progress'] = null;
  let beaten: { readonly at: number; readonly progress: Job['progress'] } | undefined;
  let writing = Promise.resolve();
  let waiting = 0;

  const write = async (): Promise<void> => {
    const beat = { at: performance.now(), progress };
    if (!beaten || beaten.progress !== progress || beat.at - beaten.at >= limits.jobHeartbeatSeconds * 1000) {
      await writeHeartbeat(world, fence, progress);
      beaten = beat;
    }
    if (said.length === 0) return;
    const batch = said;
    said = [];
    try {
      await appendToStream(world, fence, attempt, batch);
    } catch (error) {
      said = [...batch, ...said];
      throw error;
    }
  };
  const flush = (): Promise<void> => {
    waiting += 1;
    const done = writing.then(write).finally(() => (waiting -= 1));
    writing = done.catch(() => undefined);
    return done;
  };
  const tick = async (): Promise<void> => {
    // while a store is away, each would wait for all before it, and the end of the job for all of them
    if (waiting > 0) return;
    try {
      await flush();
    } catch (error) {
      if (error instanceof UnavailableError) return;
      clearInterval(timer);
      lost.abort(error);
    }
  };
  const timer = setInterval(() => void tick(), tickMilliseconds);
  void tick();

  return {
    say(content) {
      progress = progressOf(content) ?? progress;
      // of a progress that changes many times a second the last is enough
      if (content.type === 'progress' && said.at(-1)?.type === 'progress') said.pop();
      said.push(content);
    },
    lost: lost.signal,
    flush,
    stop: () => clearInterval(timer),
  };
}

const tickMilliseconds = 1000;

function progressOf(content: StreamContent): Job['progress'] | undefined {
  if (content.type === 'progress') {
    const { stage, done, total, unit } = content satisfies JobEvent;
    return { stage, done, total, unit };
  }
  // of several that are trained at once, the progress of all is told beside the steps of each
  if (content.type !== 'step' || content.task !== undefined) return undefined;
  const { step, steps, secondsLeft } = content;
  return { stage: 'train', done: step, total: steps, unit: 'steps', secondsLeft };
}
