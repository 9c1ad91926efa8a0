import type { Ledger } from './check/ledger.ts';

/** How often each kind of promise was given: `job ended: train`, `adapter.update`, ... */
export function workDone(ledger: Ledger): ReadonlyMap<string, number> {
  const kinds = new Map(
    ledger.flatMap((entry) => (entry.kind === 'job' ? [[entry.jobId, entry.jobKind] as const] : [])),
  );
  const counts = new Map<string, number>();
  for (const entry of ledger) {
    const name = nameOf(entry, kinds);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function nameOf(entry: Ledger[number], kinds: ReadonlyMap<string, string>): string | undefined {
  switch (entry.kind) {
    case 'change':
      return entry.action;
    case 'version':
      return 'version published';
    case 'alias':
      return 'alias moved';
    case 'withdrawn':
      return 'version withdrawn';
    case 'job-ended':
      return entry.state === 'succeeded' ? `${kinds.get(entry.jobId)} succeeded` : `job ${entry.state}`;
    default:
      return undefined;
  }
}

/** Without these a run says less than it seems to. */
const wanted = [
  ['adapter.create', 'adapter.update', 'adapter.delete', 'version.begin', 'upload.complete', 'upload.abort'],
  ['adapter.restore', 'dataset.restore'],
  ['version published', 'version withdrawn', 'alias moved', 'dataset.create', 'dataset.delete'],
  ['composition.create', 'composition.delete', 'base.create', 'base.delete', 'key.create', 'key.revoke'],
  ['job.create', 'job.cancel', 'job cancelled'],
  ['train', 'evaluate', 'compose', 'merge', 'export'].map((kind) => `${kind} succeeded`),
].flat();

/** What a run should have done and has not. */
export function missingWork(done: ReadonlyMap<string, number>): string[] {
  return wanted.flatMap((name) => (done.has(name) ? [] : [`there was no ${name}`]));
}
