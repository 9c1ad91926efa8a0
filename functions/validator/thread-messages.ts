import type { InspectReport, InspectTask } from './inspect.ts';

/** What the thread is started with. */
export interface ThreadSettings {
  readonly task: InspectTask;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
}

/** From the thread: shared memory that wants to be filled with bytes of a file, or its report, or what went wrong. */
export type FromThread =
  | { readonly want: number; readonly file: number; readonly offset: number; readonly target: Uint8Array }
  | { readonly report: InspectReport }
  | { readonly failure: unknown };

/** To the thread: what it wanted is there, or why not. */
export interface ToThread {
  readonly want: number;
  readonly failure?: string;
}
