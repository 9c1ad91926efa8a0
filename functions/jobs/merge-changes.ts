/** Objects are merged key by key, everything else is replaced; null takes a key away. */
export function mergeChanges(value: unknown, changes: unknown): unknown {
  if (!isPlain(value) || !isPlain(changes)) return changes;
  const merged: Record<string, unknown> = { ...value };
  for (const [key, change] of Object.entries(changes)) {
    if (change === null) delete merged[key];
    else merged[key] = key in value ? mergeChanges(value[key], change) : change;
  }
  return merged;
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
