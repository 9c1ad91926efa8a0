import { checkAdapters } from './check-adapters.ts';
import { checkAudit } from './check-audit.ts';
import { checkBlobs } from './check-blobs.ts';
import { checkBytes } from './check-bytes.ts';
import { checkJobs } from './check-jobs.ts';
import { checkLeftOvers } from './check-left-overs.ts';
import { checkProcesses } from './check-processes.ts';
import { checkPromises } from './check-promises.ts';
import { checkRecords } from './check-records.ts';
import { checkUploads } from './check-uploads.ts';
import type { Ledger } from './ledger.ts';
import { readStore, type Store } from './store.ts';

/** What must hold of a store, as sentences. */
export const storeRules = {
  promises: 'every acknowledged write is there',
  jobs: 'every job ended once, with what it made',
  adapters: 'adapters, versions, numbers, aliases and tags agree',
  uploads: 'every upload was taken or given up',
  blobs: 'every content that is named is whole',
  bytes: 'what is kept is counted',
  leftOvers: 'no content, file or folder is left that nothing names',
  audit: 'every change has its row in the audit, and every row its change',
  records: 'keys and indexes agree with the records',
  processes: 'no process is left',
} as const;
export type StoreRule = keyof typeof storeRules;

const checks: Readonly<Record<StoreRule, (store: Store, ledger: Ledger) => string[]>> = {
  promises: checkPromises,
  jobs: checkJobs,
  adapters: checkAdapters,
  uploads: checkUploads,
  blobs: checkBlobs,
  bytes: checkBytes,
  leftOvers: checkLeftOvers,
  audit: checkAudit,
  records: checkRecords,
  processes: checkProcesses,
};

/** Where each rule is broken; nowhere: it holds. */
export type StoreFindings = Readonly<Record<StoreRule, readonly string[]>>;

/** Holds a data folder that nobody works on against what its clients were told, with nothing of the product. */
export function checkStore(folder: string, ledger: Ledger): StoreFindings {
  const store = readStore(folder);
  const found = Object.entries(checks).map(([rule, check]) => [rule, check(store, ledger)]);
  return Object.fromEntries(found) as StoreFindings; // of the same rules
}
