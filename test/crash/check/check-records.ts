import type { Row, Store } from './store.ts';

/** Records stand under the keys that they say, and in exactly the indexes that would find them. */
export function checkRecords(store: Store): string[] {
  const found = store.integrity === 'ok' ? [] : [`the database is damaged: ${store.integrity}`];
  for (const row of store.rows) {
    const { partition, sort, index1, index2 } = row;
    const expected = expectationOf(row);
    if (!expected) {
      found.push(`nothing is known of records like ${partition} ${sort}`);
      continue;
    }
    if (expected.partition !== undefined && expected.partition !== partition)
      found.push(`${partition} holds what belongs to ${expected.partition}`);
    if ((expected.index1 ?? null) !== index1) found.push(`${partition} ${sort} is listed as ${index1}`);
    if ((expected.index2 ?? null) !== index2) found.push(`${partition} ${sort} is listed second as ${index2}`);
  }
  return found;
}

interface Expectation {
  readonly partition?: string;
  readonly index1?: string;
  readonly index2?: string;
}

const unlisted: ReadonlySet<string> = new Set([
  'idempotency',
  'audit',
  'audit-head',
  'manifest',
  'erased',
  'approvals',
  'made-with',
  'made-of',
  'version-numbers',
  'aliases',
  'alias-history',
  'tag',
  'budget',
  'stored',
  'recount',
]);

function expectationOf({ partition, sort, value }: Row): Expectation | undefined {
  const { team, id, name, createdAt, state } = value as Readonly<Record<string, string>>;
  const [first, kind = ''] = partition.split('#');
  if (first === 'SECRET') return {};
  // when it was last used
  if (first === 'KEY' && sort === 'use') return {};
  if (first === 'KEY') return { partition: `KEY#${id}`, index1: `${team}#keys ${createdAt}#${id}` };
  if (unlisted.has(kind)) return {};
  switch (kind) {
    case 'erasure': {
      const index1 = `ACTIVE#erasures ${String(value['startedAt'])}#${id}`;
      return { partition: `${team}#erasure#${id}`, ...(state === 'erasing' ? { index1 } : {}) };
    }
    case 'team':
      return { partition: `${team}#team`, index1: `ACTIVE#teams ${team}` };
    case 'adapter':
      return {
        partition: `${team}#adapter#${name}`,
        index1: `${team}#adapters ${name}`,
        index2: `${team}#adapters-of#${String(value['base'])} ${name}`,
      };
    case 'version': {
      const index1 = `${team}#versions#${String(value['adapterId'])} ${createdAt}#${id}`;
      return { partition: `${team}#version#${id}`, index1 };
    }
    case 'base':
    case 'dataset':
    case 'composition':
      return { partition: `${team}#${kind}#${name}`, index1: `${team}#${kind}s ${name}` };
    case 'upload':
      return {
        partition: `${team}#upload#${id}`,
        ...(value['settled'] === true ? {} : { index1: `ACTIVE#uploads ${createdAt}#${id}` }),
      };
    case 'purge': {
      const listed = `${team}#deleted#${String(value['kind'])} ${name}#${String(value['since'])}#${id}`;
      return {
        partition: `${team}#purge#${id}`,
        index1: `ACTIVE#purges ${String(value['dueAt'])}#${id}`,
        // what can be had back
        ...(value['record'] && name ? { index2: listed } : {}),
      };
    }
    case 'job': {
      if (sort !== 'job') return {};
      const active = ['queued', 'running', 'cancelling'].includes(state ?? '');
      return {
        partition: `${team}#job#${id}`,
        index1: `${team}#jobs ${createdAt}#${id}`,
        ...(active ? { index2: `ACTIVE#jobs ${team}#${id}` } : {}),
      };
    }
    default:
      return undefined;
  }
}
