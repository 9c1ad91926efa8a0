import { z } from 'zod';
import { limits } from '../limits.ts';
import type { RecordTable, World } from '../platform/ports.ts';
import { keys } from './keys.ts';
import { stored } from './stored.ts';

const useRecord = z.object({ at: z.string() });

/** When a key was used last, to about a minute; null: nobody has noted it. */
export async function findLastUse(table: RecordTable, keyId: string): Promise<string | null> {
  const record = await table.get(keys.apiKeyUse(keyId));
  return record ? stored(useRecord, record).value.at : null;
}

/**
 * Notes that a key is used, beside what it is used for: it returns at once and never fails. Of all processes one writes, at most
 * once in `keyUseNoteSeconds`; what cannot be written is left to the next use.
 */
export function createKeyUses({ table, now }: Pick<World, 'table' | 'now'>): NoteUse {
  const noted = new Map<string, number>();
  return (keyId) => {
    const at = now();
    if (at - (noted.get(keyId) ?? -Infinity) < 1000 * limits.keyUseNoteSeconds) return;
    if (noted.size >= limits.keyUsesKept) noted.clear();
    noted.set(keyId, at);
    // a use that is not noted is no fault of the call; nobody waits for this
    void writeUse(table, keyId, at).catch(() => undefined);
  };
}
export type NoteUse = (keyId: string) => void;

async function writeUse(table: RecordTable, keyId: string, at: number): Promise<void> {
  const key = keys.apiKeyUse(keyId);
  const before = await table.get(key);
  if (before && at - Date.parse(stored(useRecord, before).value.at) < 1000 * limits.keyUseNoteSeconds) return;
  // whoever loses against another process has nothing left to say
  const condition = before ? { ifRevision: before.revision } : ({ ifAbsent: true } as const);
  await table.put({ key, value: { at: new Date(at).toISOString() } }, condition);
}
