import { DomainError } from '../errors.ts';
import type { LocalDatabase } from './database.ts';
import { processIdentity } from './process-identity.mjs';

export const lockSchema = `
  CREATE TABLE IF NOT EXISTS server_lock (only INTEGER PRIMARY KEY CHECK (only = 1), pid INTEGER NOT NULL, identity TEXT);
`;

/**
 * Makes this process the one server of a data folder, or throws `DomainError('folder-in-use')`. The lock of a server that died is taken
 * over. Returns how to give it back.
 */
export function lockServer(database: LocalDatabase): () => void {
  const identity = processIdentity(process.pid) ?? null;
  database.write(() => {
    const holder = database.prepare<{ pid: number; identity: string | null }>('SELECT * FROM server_lock').get();
    if (holder && processIdentity(holder.pid) === (holder.identity ?? undefined) && holder.identity !== null) {
      throw new DomainError(
        'folder-in-use',
        `Another server (process ${holder.pid}) works on this data folder: stop it, or choose another folder with LORARY_DATA.`,
      );
    }
    database.prepare('INSERT OR REPLACE INTO server_lock VALUES (1, ?, ?)').run(process.pid, identity);
  });
  return () => {
    database.write(() => {
      database.prepare('DELETE FROM server_lock WHERE pid = ? AND identity IS ?').run(process.pid, identity);
    });
  };
}
