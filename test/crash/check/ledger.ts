import { appendFileSync, readFileSync } from 'node:fs';

/** What a name may stand for. */
export type NamedThing = 'adapter' | 'dataset' | 'composition' | 'base' | 'key';

export interface AnnouncedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What a client was told, or asked for without an answer. One line of JSON each, written by the client alone. */
export type LedgerEntry =
  /**
   * What a name means from here on; null: nothing. Without an answer it may mean that. Calls about one name follow one another, and what
   * had no answer happened before the next call or never.
   */
  | {
      readonly kind: 'state';
      readonly thing: NamedThing;
      readonly name: string;
      readonly state: Readonly<Record<string, unknown>> | null;
      readonly acknowledged: boolean;
    }
  | {
      readonly kind: 'version';
      readonly versionId: string;
      readonly number: number;
      readonly files: readonly AnnouncedFile[];
    }
  | { readonly kind: 'revoked'; readonly keyId: string }
  | { readonly kind: 'withdrawn'; readonly versionId: string }
  /** Step `revision` of an alias; version null: it was removed. */
  | {
      readonly kind: 'alias';
      readonly adapterId: string;
      readonly alias: string;
      readonly version: number | null;
      readonly revision: number;
    }
  | { readonly kind: 'upload'; readonly uploadId: string; readonly state: 'completed' | 'aborted' }
  | { readonly kind: 'job'; readonly jobId: string; readonly jobKind: string }
  | { readonly kind: 'job-resumed'; readonly jobId: string }
  | {
      readonly kind: 'job-ended';
      readonly jobId: string;
      readonly state: string;
      readonly output: Readonly<Record<string, unknown>>;
    }
  /** A change that was acknowledged. `requestId` is null where the call was repeated, so that another one may have made the change. */
  | {
      readonly kind: 'change';
      readonly action: string;
      readonly resource: string;
      readonly requestId: string | null;
    };

export type Ledger = readonly LedgerEntry[];

/** Adds what was promised, before anything else is done. */
export function note(path: string, entry: LedgerEntry): void {
  appendFileSync(path, `${JSON.stringify(entry)}\n`);
}

export function readLedger(path: string): Ledger {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LedgerEntry); // written by `note`
}
