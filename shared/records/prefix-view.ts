import { z } from 'zod';
import { splitRef } from '../domain/adapter-ref.ts';
import { DomainError } from '../errors.ts';
import type { JsonObject, RecordKey, RecordTable, RecordWrite } from '../platform/ports.ts';
import type { Caller } from './caller.ts';

/** Whether an adapter exists for the caller; of one that another team shares (`TEAM:NAME`) the name decides. */
export function seesAdapter({ adapterPrefix = '' }: Pick<Caller, 'adapterPrefix'>, adapter: string): boolean {
  return splitRef(adapter).name.startsWith(adapterPrefix);
}

/**
 * The table as it is for a caller with a prefix: what belongs to other adapters is not there, in the same reads that whoever may see it
 * makes, so that no function has to think of it. Nothing outside of the prefix is written. Throws `DomainError('outside-prefix')`.
 */
export function prefixView(table: RecordTable, caller: Caller): RecordTable & { readonly whole: RecordTable } {
  const sees = (key: RecordKey, value?: JsonObject): boolean => isVisible(caller, key, value);
  const refuseOutside = (key: RecordKey, value?: JsonObject): void => {
    if (isAudit(caller, key)) return;
    if (key.partition.startsWith(`${caller.team}#eras`))
      throw new DomainError(
        'outside-prefix',
        'An erasure takes all that descends from a dataset, of any name: use a key without a prefix.',
      );
    if (sees(key, value)) return;
    throw new DomainError(
      'outside-prefix',
      `This key works with adapters "${caller.adapterPrefix}..." only: choose a name that begins so.`,
    );
  };
  return {
    whole: table,
    async get(key) {
      const record = await table.get(key);
      return record && sees(record.key, record.value) ? record : undefined;
    },
    async query(query) {
      const page = await table.query(query);
      return { ...page, records: page.records.filter(({ key, value }) => sees(key, value)) };
    },
    async put(record, condition) {
      refuseOutside(record.key, record.value);
      return table.put(record, condition);
    },
    async delete(key, condition) {
      refuseOutside(key);
      return table.delete(key, condition);
    },
    async increment(key, field, by, options) {
      refuseOutside(key);
      return table.increment(key, field, by, options);
    },
    async transact(writes, options) {
      for (const write of writes) refuseOutside(keyOf(write), 'put' in write ? write.put.value : undefined);
      return table.transact(writes, options);
    },
  };
}

/** All of a table, for what must not be decided by what a caller sees, such as whether something is still used. */
export function wholeTable(table: RecordTable): RecordTable {
  return 'whole' in table ? (table as ReturnType<typeof prefixView>).whole : table; // only views have it
}

function keyOf(write: RecordWrite): RecordKey {
  if ('put' in write) return write.put.key;
  return 'delete' in write ? write.delete : write.check;
}

const isAudit = ({ team }: Caller, { partition }: RecordKey): boolean => partition.startsWith(`${team}#audit#`);

const maybeNamed = z.object({ adapter: z.string().optional() });
const parts = z.array(z.object({ adapter: z.string() }));

/** What the records of each kind say of adapters. */
const versionNames = z.object({ adapter: z.string() });
const uploadNames = z.object({ target: maybeNamed });
const compositionNames = z.object({ members: parts });
const thingNames = z.object({ kind: z.string(), name: z.string() });
const edgeNames = z.object({ parent: thingNames, child: thingNames });
const purgeNames = z.object({ kind: z.string(), name: z.string().nullable() });
const jobNames = z.object({
  kind: z.string(),
  createdBy: z.string(),
  request: maybeNamed.extend({
    output: maybeNamed.optional(),
    tasks: z.array(z.object({ output: maybeNamed })).optional(),
  }),
  inputs: z.object({ parents: parts.optional() }),
  output: maybeNamed.extend({ versions: parts.optional() }),
});
const auditNames = z.object({ resource: z.string(), keyId: z.string().optional() });

/**
 * Whether a record exists for the caller. Where only a record's value tells, and there is none, it does: such a record is reached through
 * one that was seen. Bases, datasets and keys are the team's.
 */
function isVisible(caller: Caller, { partition, sort }: RecordKey, value: JsonObject | undefined): boolean {
  const sees = (adapter: string): boolean => seesAdapter(caller, adapter);
  const [team, kind, first = ''] = partition.split('#');
  // of another team, where it is shared
  if (kind === 'adapter') return sees(first);
  if (team !== caller.team) return true;
  if (kind === 'tag' || kind === 'shared') return sees(sort);
  if (value === undefined) return true;
  switch (kind) {
    case 'version':
      return sees(versionNames.parse(value).adapter);
    case 'upload': {
      const { adapter } = uploadNames.parse(value).target;
      return adapter === undefined || sees(adapter);
    }
    case 'composition':
      return compositionNames.parse(value).members.every(({ adapter }) => sees(adapter));
    case 'made-with':
    case 'made-of': {
      const { parent, child } = edgeNames.parse(value);
      return [parent, child].every(({ kind: what, name }) => what !== 'version' || sees(name));
    }
    case 'purge': {
      const purge = purgeNames.parse(value);
      return purge.kind !== 'adapter' || purge.name === null || sees(purge.name);
    }
    case 'job':
      return sort !== 'job' || seesJob(caller, jobNames.parse(value));
    case 'audit': {
      if (first === 'seals') return true;
      const { resource, keyId } = auditNames.parse(value);
      const [, adapter] = /^(?:\/v1\/)?adapters\/([^/]+)/.exec(resource) ?? [];
      return keyId === caller.keyId || (adapter !== undefined && sees(adapter));
    }
    default:
      return true;
  }
}

function seesJob(
  caller: Caller,
  { kind, createdBy, request, inputs, output: made }: z.output<typeof jobNames>,
): boolean {
  // what it validates is named by the upload alone
  if (kind === 'validate-upload') return createdBy === caller.keyId;
  const several = [...(request.tasks ?? []).map(({ output }) => output), ...(made.versions ?? [])];
  const named = [request, request.output, made, ...several, ...(inputs.parents ?? [])].map((part) => part?.adapter);
  return named.every((adapter) => adapter === undefined || seesAdapter(caller, adapter));
}
