import { listAdapters } from '../../../shared/contract/adapters.ts';
import { listAudit } from '../../../shared/contract/audit.ts';
import { listJobs, listLogs } from '../../../shared/contract/jobs.ts';
import { listVersions } from '../../../shared/contract/versions.ts';
import type { Worker } from '../client.ts';

/** Looks at lists while all of it is changed. */
export async function workOnReads(worker: Worker): Promise<void> {
  while (!worker.isOver()) {
    await worker.pause(500);
    const day = new Date().toISOString().slice(0, 10);
    await worker.surely((api) => api.call(listAdapters, { query: { tag: 'red', limit: 10 } }));
    await worker.surely((api) => api.call(listAudit, { query: { day, limit: 10 } }));
    const versions = await worker.surely((api) =>
      api.call(listVersions, { params: { adapter: 'shared-a' }, query: {} }),
    );
    const numbers = versions.kind === 'done' ? versions.answer.items.flatMap(({ version }) => version ?? []) : [];
    if (new Set(numbers).size !== numbers.length) worker.bug(`versions share a number: ${numbers.join()}`);
    const jobs = await worker.surely((api) => api.call(listJobs, { query: { limit: 5 } }));
    for (const { id } of jobs.kind === 'done' ? jobs.answer.items.slice(0, 1) : [])
      await worker.surely((api) => api.call(listLogs, { params: { job: id }, query: {} }));
  }
}
