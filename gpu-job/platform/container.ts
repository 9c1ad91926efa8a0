import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { Spec } from '../../shared/contract/specs/parse-spec.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import type { JobVoice } from './job-voice.ts';

/** One container: the job it may claim and the run that it is. */
export interface ContainerRun {
  readonly team: string;
  readonly jobId: string;
  readonly runId: string;
}

export interface ContainerTools {
  /** Everything in it may be deleted when no container runs. */
  readonly work: string;
  /** Asks for an early end. */
  readonly stop: AbortSignal;
  readonly runJob: (
    spec: Spec,
    options: {
      readonly onEvent: (event: JobEvent) => void;
      readonly stop: AbortSignal;
      readonly secondsMax?: number | undefined;
    },
  ) => Promise<object>;
  /** What it runs on, as people know it; absent: there is one kind of machine. */
  readonly machineClass?: string | undefined;
  /** Threads of one operator; absent: all cores. */
  readonly threads?: number | undefined;
  /** What computes; absent: the processor. */
  readonly device?: string | undefined;
  /** Where Hugging Face is; absent: at its own address. */
  readonly hubUrl?: string | undefined;
  /** Of a Hugging Face account, for models that are not open to everyone. */
  readonly hubToken?: (() => Promise<string | undefined>) | undefined;
  /** Told of each part of the way that is behind. */
  readonly onStage?: (stage: ContainerStage) => void;
}

/** `version`: one of several is published. */
export type ContainerStage = 'claimed' | 'prepared' | 'stored' | 'version' | 'published';

/** What the parts of a container work with. */
export interface Container extends ContainerTools {
  readonly world: World;
  readonly caller: Caller;
  readonly fence: Fence;
  readonly job: JobRecord;
  readonly voice: JobVoice;
  /** Of this container alone. */
  readonly folder: string;
  /** Aborted by a wish to end and by the loss of the job. */
  readonly end: AbortSignal;
}
