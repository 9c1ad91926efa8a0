import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { killGroup, traceRun } from '../../shared/local/run-files.ts';

/** Containers as another process sees them: by the data folder alone, while the server may be up or down. */

/** Ends the container of some job that has not lost one before, as a machine that fails does; the id of the job, where there was one. */
export function killSomeContainer(data: string, random: () => number, spared: ReadonlySet<string>): string | undefined {
  const running = query<{ runId: string; jobId: string }>(
    data,
    `SELECT run_id AS runId, job_id AS jobId FROM runs WHERE state = 'running' ORDER BY sequence`,
  ).filter(({ jobId }) => !spared.has(jobId));
  const run = running[Math.floor(random() * running.length)];
  if (!run) return undefined;
  const trace = traceRun(join(data, 'runs', run.runId));
  if (trace.kind !== 'alive') return undefined;
  killGroup(trace.pid);
  return run.jobId;
}

/** Jobs that have not ended and uploads that were completed and are not settled, by id. */
export function unfinished(data: string): string[] {
  const records = query<{ value: string }>(
    data,
    `SELECT value FROM records WHERE index2_partition = 'ACTIVE#jobs' OR
     (index1_partition = 'ACTIVE#uploads' AND json_extract(value, '$.state') <> 'open')`,
  );
  return records.map(({ value }) => (JSON.parse(value) as { readonly id: string }).id);
}

/** Uploads that are neither taken nor given up. */
export function openUploads(data: string): number {
  return query(data, `SELECT 1 FROM records WHERE index1_partition = 'ACTIVE#uploads'`).length;
}

/** Ends every container that is left, as nothing else will when a run of the test has failed. */
export function endLeftOverRuns(data: string): void {
  for (const runId of namesIn(join(data, 'runs'))) {
    const trace = traceRun(join(data, 'runs', runId));
    if (trace.kind === 'alive') killGroup(trace.pid);
    if (trace.kind === 'gone' && trace.group !== undefined) killGroup(trace.group);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function query<T>(data: string, sql: string): T[] {
  const database = new Database(join(data, 'lorary.sqlite'), { timeout: 10_000 });
  try {
    return database.prepare(sql).all([]) as T[]; // the columns that the text names
  } finally {
    database.close();
  }
}
