import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';

interface Entry {
  readonly kind: 'single' | 'pair' | 'count' | 'blob';
  readonly id: string;
  readonly versionId?: string;
}

/**
 * Reads a data folder with nothing of the product and compares it with what `writer.ts` noted: a sentence for everything acknowledged that
 * is missing, half there or damaged.
 */
export function checkLedger(folder: string, ledger: string): string[] {
  const noted = readFileSync(ledger, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry);
  const database = new Database(join(folder, 'lorary.sqlite'));
  const record = database.prepare('SELECT value FROM records WHERE partition = ? AND sort = ?');
  const valueOf = (partition: string, sort: string): { n?: number } | undefined => {
    const row = record.get([partition, sort]) as { value: string } | undefined;
    return row && (JSON.parse(row.value) as { n?: number });
  };
  const found: string[] = [];
  const counts = new Map<string, number>();
  for (const { kind, id, versionId = '' } of noted) {
    if (kind === 'single' && !valueOf('single', id)) found.push(`record ${id} is missing`);
    if (kind === 'pair' && !(valueOf('pair', `${id} left`) && valueOf('pair', `${id} right`))) {
      found.push(`pair ${id} is not whole`);
    }
    if (kind === 'count') counts.set(id, (counts.get(id) ?? 0) + 1);
    if (kind === 'blob' && blobOf(folder, versionId) !== id.repeat(1000)) found.push(`blob ${id} is not what was put`);
  }
  for (const [name, count] of counts) {
    const stored = valueOf('count', name)?.n ?? 0;
    // the last one may have been done and not noted
    if (stored < count || stored > count + 1) found.push(`${name} counted ${count} times and ${stored} are stored`);
  }
  const halves = database.prepare(`SELECT count(*) AS n FROM records WHERE partition = 'pair'`).get([]) as {
    n: number;
  };
  if (halves.n % 2 !== 0) found.push('half a pair is stored');
  const [integrity] = database.pragma('integrity_check') as { integrity_check: string }[];
  if (integrity?.integrity_check !== 'ok') found.push(`the database is damaged: ${integrity?.integrity_check}`);
  database.close();
  return found;
}

function blobOf(folder: string, versionId: string): string | undefined {
  try {
    return readFileSync(join(folder, 'blobs', versionId.slice(0, 2), versionId), 'utf8');
  } catch {
    return undefined;
  }
}
