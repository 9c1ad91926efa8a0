import type { InspectReport, InspectTask } from '../../shared/upload-validation/inspect.ts';

/** What the thread is to inspect, one task at a time. */
export interface ThreadTask {
  readonly task: InspectTask;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
}

/** From the thread: shared memory that wants to be filled with bytes of a file, or its report, or what went wrong. */
export type FromThread =
  | { readonly want: number; readonly file: number; readonly offset: number; readonly target: Uint8Array }
  | { readonly report: InspectReport }
  | { readonly failure: unknown };

/** To the thread: a task, or that what it wanted is there, or why not. */
export type ToThread = ThreadTask | { readonly want: number; readonly failure?: string };
