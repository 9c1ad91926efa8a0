import type { InspectReport, InspectTask } from './inspect.ts';

/** What the thread is started with. */
export interface ThreadSettings {
  readonly task: InspectTask;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
}

/** From the thread: bytes that it needs, or its report, or what went wrong. */
export type FromThread =
  | { readonly want: number; readonly file: number; readonly offset: number; readonly lengthBytes: number }
  | { readonly report: InspectReport }
  | { readonly failure: unknown };

/** To the thread: what it wanted. */
export type ToThread =
  { readonly want: number; readonly bytes: Uint8Array } | { readonly want: number; readonly failure: string };
