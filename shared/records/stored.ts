import type { z } from 'zod';
import type { JsonObject, StoredRecord } from '../platform/ports.ts';

/** What a store keeps, and the revision that a change of it must name. */
export interface Stored<T> {
  readonly value: T;
  readonly revision: number;
}

/** Parses a record that the platform wrote; what does not parse is our own bug. */
export function stored<T>(schema: z.ZodType<T>, record: StoredRecord): Stored<T> {
  return { value: schema.parse(record.value), revision: record.revision };
}

/** The value of a record without what is undefined in it, which JSON does not have. */
export function recordValue(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject; // what JSON.parse gives for an object
}
