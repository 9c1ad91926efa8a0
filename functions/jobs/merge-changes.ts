/** Objects are merged key by key, everything else is replaced; null takes a key away. */
export function mergeChanges(value: unknown, changes: unknown): unknown {
  if (!isPlain(value) || !isPlain(changes)) return changes;
  const merged = new Map(Object.entries(value));
  for (const [key, change] of Object.entries(changes)) {
    if (change === null) merged.delete(key);
    else merged.set(key, mergeChanges(merged.get(key), change));
  }
  // unlike an assignment, this takes "__proto__" for a key like any other
  return Object.fromEntries(merged);
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
