/** Something that is costly to open and takes memory while it is. */
export interface Warm {
  readonly sizeBytes: number;
  close(): Promise<void>;
}

/** Keeps what was used last. */
export interface WarmModels<T extends Warm> {
  /** What is open under this key, or is opened now; room is made before. It stays open until the next call of `use`. */
  use(key: string, sizeBytes: number, open: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * At most `max` models of `bytesMax` bytes together; one that is larger than that is open alone. Those used longest ago are closed first.
 * Calls must not overlap.
 */
export function warmModels<T extends Warm>(max: number, bytesMax: number): WarmModels<T> {
  // in the order of use
  const models = new Map<string, T>();
  const closeOne = async (key: string, model: T): Promise<void> => {
    models.delete(key);
    await model.close();
  };
  const makeRoom = async (sizeBytes: number): Promise<void> => {
    for (const [key, model] of models) {
      const used = [...models.values()].reduce((sum, each) => sum + each.sizeBytes, 0);
      if (models.size < max && used + sizeBytes <= bytesMax) return;
      await closeOne(key, model);
    }
  };
  return {
    async use(key, sizeBytes, open) {
      const known = models.get(key);
      models.delete(key);
      if (!known) await makeRoom(sizeBytes);
      const model = known ?? (await open());
      models.set(key, model);
      return model;
    },
    async close() {
      for (const [key, model] of models) await closeOne(key, model);
    },
  };
}
