import type { RunInfo } from '../platform/ports.ts';
import type { LocalDatabase } from './database.ts';

export const runSchema = `
  CREATE TABLE IF NOT EXISTS runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, team TEXT NOT NULL,
    state TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0, exit_code INTEGER, reason TEXT
  );
  CREATE INDEX IF NOT EXISTS runs_open ON runs (state) WHERE state IN ('waiting', 'running');
  CREATE TABLE IF NOT EXISTS run_ends (run_id TEXT PRIMARY KEY, seen_at INTEGER NOT NULL);
`;

interface Row {
  readonly run_id: string;
  readonly job_id: string;
  readonly team: string;
  readonly state: RunInfo['state'];
  readonly cancelled: number;
  readonly exit_code: number | null;
  readonly reason: string | null;
}

export interface QueuedRun extends RunInfo {
  readonly cancelled: boolean;
}

/** Every run that was submitted and is not forgotten, in that order; each state follows the one before by a conditional write. */
export class RunQueue {
  readonly #database: LocalDatabase;

  constructor(database: LocalDatabase) {
    this.#database = database;
  }

  /** Nothing happens when the id is known. */
  add({ runId, jobId, team }: Pick<RunInfo, 'runId' | 'jobId' | 'team'>): void {
    this.#write(`INSERT OR IGNORE INTO runs (run_id, job_id, team, state) VALUES (?, ?, ?, 'waiting')`, [
      runId,
      jobId,
      team,
    ]);
  }

  find(runId: string): QueuedRun | undefined {
    const row = this.#database.prepare<Row>('SELECT * FROM runs WHERE run_id = ?').get(runId);
    return row && toRun(row);
  }

  /** Those that wait or run. */
  open(): QueuedRun[] {
    return this.#database
      .prepare<Row>(`SELECT * FROM runs WHERE state IN ('waiting', 'running') ORDER BY sequence`)
      .all()
      .map(toRun);
  }

  /** Whether it was waiting and now counts as running. */
  start(runId: string): boolean {
    return this.#write(`UPDATE runs SET state = 'running' WHERE run_id = ? AND state = 'waiting'`, [runId]);
  }

  /** Notes the wish of a running one. */
  cancelRunning(runId: string): boolean {
    return this.#write(`UPDATE runs SET cancelled = 1 WHERE run_id = ? AND state = 'running'`, [runId]);
  }

  /** Whether it was waiting and now never starts. */
  cancelWaiting(runId: string, reason: string): boolean {
    return this.#write(
      `UPDATE runs SET state = 'ended', cancelled = 1, reason = ? WHERE run_id = ? AND state = 'waiting'`,
      [reason, runId],
    );
  }

  /** Whether this call ended it. */
  end(runId: string, how: { readonly exitCode: number } | { readonly reason: string }): boolean {
    return 'exitCode' in how
      ? this.#write(`UPDATE runs SET state = 'ended', exit_code = ? WHERE run_id = ? AND state = 'running'`, [
          how.exitCode,
          runId,
        ])
      : this.#write(`UPDATE runs SET state = 'lost', reason = ? WHERE run_id = ? AND state = 'running'`, [
          how.reason,
          runId,
        ]);
  }

  /** Notes which runs are over; ids of those that were so before `time`, as far as anybody looked. Milliseconds since 1970. */
  overBefore(time: number, now: number): string[] {
    this.#write(`INSERT OR IGNORE INTO run_ends SELECT run_id, ? FROM runs WHERE state NOT IN ('waiting', 'running')`, [
      now,
    ]);
    return this.#database
      .prepare<{ run_id: string }>('SELECT run_id FROM run_ends WHERE seen_at < ? ORDER BY seen_at')
      .all(time)
      .map(({ run_id: runId }) => runId);
  }

  /** One that is over. */
  forget(runId: string): void {
    this.#database.write(() => {
      this.#database.prepare(`DELETE FROM runs WHERE run_id = ? AND state NOT IN ('waiting', 'running')`).run(runId);
      this.#database.prepare('DELETE FROM run_ends WHERE run_id = ?').run(runId);
    });
  }

  #write(sql: string, values: readonly (string | number)[]): boolean {
    return this.#database.write(() => this.#database.prepare(sql).run(...values).changes) > 0;
  }
}

function toRun(row: Row): QueuedRun {
  return {
    runId: row.run_id,
    jobId: row.job_id,
    team: row.team,
    state: row.state,
    cancelled: row.cancelled !== 0,
    ...(row.exit_code === null ? {} : { exitCode: row.exit_code }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}
