import { z } from 'zod';
import { compositionSchema, type Composition } from '../contract/compositions.ts';
import { DomainError } from '../errors.ts';
import type { RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { keys, lists } from './keys.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const compositionRecord = compositionSchema.extend({ team: z.string() });
export type CompositionRecord = z.output<typeof compositionRecord>;

export async function findComposition(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<CompositionRecord> | undefined> {
  const record = await table.get(keys.composition(team, name));
  return record && readComposition(record);
}

/** Throws `DomainError('not-found')`. */
export async function getCompositionRecord(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<CompositionRecord>> {
  const found = await findComposition(table, team, name);
  if (!found) throw new DomainError('not-found', `There is no composition "${name}".`);
  return found;
}

export function readComposition(record: StoredRecord): Stored<CompositionRecord> {
  return stored(compositionRecord, record);
}

/** A new composition: a recipe never changes. */
export function compositionWrite(value: CompositionRecord): RecordWrite {
  return {
    put: {
      key: keys.composition(value.team, value.name),
      value: recordValue(value),
      index1: { partition: lists.compositions(value.team), sort: value.name },
    },
    condition: { ifAbsent: true },
  };
}

export function presentComposition(value: CompositionRecord): Composition {
  const { team: _, ...shown } = value;
  return shown;
}
