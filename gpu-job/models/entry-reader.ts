/** An object inside a config. */
export type ConfigEntry = Readonly<Record<string, unknown>>;

/** Reads an object inside a config; what is wrong goes to the config's findings under `key.name`. Null and absent are the same. */
export interface EntryReader {
  positive(name: string): number;
  /** A positive number, where there is one. */
  optional(name: string): number | undefined;
  /** A list of so many positive numbers. */
  positives(name: string, count: number): readonly number[];
  flag(name: string, fallback: boolean): boolean;
  refuse(name: string, message: string): void;
}

export function entryReader(
  reader: { refuse(key: string, message: string): void },
  key: string,
  entry: ConfigEntry,
): EntryReader {
  const refuse = (name: string, message: string): void => reader.refuse(`${key}.${name}`, message);
  const wrong = <T>(name: string, expected: string, stand: T): T => {
    refuse(name, `${JSON.stringify(entry[name]) ?? 'nothing'} is not ${expected}.`);
    return stand;
  };
  const positive = (name: string): number => {
    const value = entry[name];
    return isPositive(value) ? value : wrong(name, 'a positive number', 1);
  };
  return {
    positive,
    optional: (name) => ((entry[name] ?? undefined) === undefined ? undefined : positive(name)),
    positives(name, count) {
      const value = entry[name];
      if (Array.isArray(value) && value.length === count && value.every(isPositive)) return value;
      return wrong(name, `a list of ${count} positive numbers`, []);
    },
    flag(name, fallback) {
      const value = entry[name] ?? fallback;
      return typeof value === 'boolean' ? value : wrong(name, 'true or false', fallback);
    },
    refuse,
  };
}

const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;
