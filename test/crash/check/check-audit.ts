import type { Ledger } from './ledger.ts';
import { textOf, type Row, type Store } from './store.ts';

/**
 * Every change that a client was told of, and every trace of a change in the records, has its row in the audit; and no row tells of a thing
 * that nobody was told of, as a call that was done twice would make.
 */
export function checkAudit(store: Store, ledger: Ledger): string[] {
  const counts = new Map<string, number>();
  for (const row of store.ofKind('audit')) {
    const text = changeOf(textOf(row, 'action'), textOf(row, 'resource'));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [
    ...checkPromised(store, ledger, counts),
    ...checkDoubles(store, ledger),
    ...store.ofKind('version').flatMap((row) => checkVersion(counts, row)),
    ...store.ofKind('adapter').flatMap((row) => checkRevision(store, row)),
    ...checkAliases(store),
  ];
}

const changeOf = (action: string, resource: string): string => `${action} of ${resource}`;

function checkPromised(store: Store, ledger: Ledger, counts: ReadonlyMap<string, number>): string[] {
  const requests = new Set(
    store
      .ofKind('audit')
      .map((row) => `${changeOf(textOf(row, 'action'), textOf(row, 'resource'))} ${textOf(row, 'requestId')}`),
  );
  const found: string[] = [];
  const promised = new Map<string, number>();
  for (const entry of ledger) {
    if (entry.kind !== 'change') continue;
    const text = changeOf(entry.action, entry.resource);
    promised.set(text, (promised.get(text) ?? 0) + 1);
    if (entry.requestId !== null && !requests.has(`${text} ${entry.requestId}`))
      found.push(`the audit lacks the ${text} by ${entry.requestId}`);
  }
  for (const [text, count] of promised)
    if ((counts.get(text) ?? 0) < count) found.push(`${count} times ${text} and ${counts.get(text) ?? 0} in the audit`);
  return found;
}

/** What the clients' keys have made, the clients know of. */
function checkDoubles(store: Store, ledger: Ledger): string[] {
  const known = new Set(
    ledger.flatMap((entry) => (entry.kind === 'change' ? [changeOf(entry.action, entry.resource)] : [])),
  );
  return store.ofKind('audit').flatMap((row) => {
    const [action, resource] = [textOf(row, 'action'), textOf(row, 'resource')];
    const isClients = store.find(`KEY#${textOf(row, 'keyId')}`, 'key') !== undefined;
    if (!isClients || !makes.has(action) || known.has(changeOf(action, resource))) return [];
    return [`${changeOf(action, resource)} was done by ${textOf(row, 'requestId')}, and nobody was told of it`];
  });
}

const makes: ReadonlySet<string> = new Set(
  ['adapter', 'dataset', 'composition', 'base', 'key', 'job'].map((thing) => `${thing}.create`).concat('version.begin'),
);

/** An adapter that only its own calls change was changed as often as the audit says. */
function checkRevision(store: Store, adapter: Row): string[] {
  if (adapter.value['versions'] !== 0) return [];
  const [name, createdAt] = [textOf(adapter, 'name'), textOf(adapter, 'createdAt')];
  const updates = store
    .ofKind('audit')
    .filter((row) => textOf(row, 'action') === 'adapter.update' && textOf(row, 'resource') === `adapters/${name}`)
    .filter((row) => textOf(row, 'at') >= createdAt);
  return adapter.revision === 1 + updates.length
    ? []
    : [`the adapter ${name} was changed ${adapter.revision - 1} times; the audit has ${updates.length} changes`];
}

/** The end of a version was written with its row. */
function checkVersion(counts: ReadonlyMap<string, number>, version: Row): string[] {
  const resource = `adapters/${textOf(version, 'adapter')}/versions/${textOf(version, 'id')}`;
  const state = textOf(version, 'state');
  const actions = {
    published: ['version.publish'],
    withdrawn: ['version.publish', 'version.withdraw'],
    rejected: [],
  }[state];
  return (actions ?? []).flatMap((action) => {
    const count = counts.get(`${action} of ${resource}`) ?? 0;
    return count === 1 ? [] : [`the audit has ${count} times ${action} of ${resource}`];
  });
}

/** Each step of an alias was written with its row. */
function checkAliases(store: Store): string[] {
  const rows = store.ofKind('audit');
  const moves = rows.filter((row) => /^alias\.(set|delete|rollback)$/.test(textOf(row, 'action'))).length;
  const published = rows
    .filter((row) => row.value['action'] === 'version.publish')
    .reduce((sum, { value }) => sum + (value['detail'] as { aliases: string[] }).aliases.length, 0);
  const withdrawn = rows.filter((row) => row.value['action'] === 'version.withdraw').length;
  const steps = store.ofKind('alias-history').length;
  // a withdrawal moves `latest` only where it pointed there
  return steps >= moves + published && steps <= moves + published + withdrawn
    ? []
    : [
        `aliases moved ${steps} times, and the audit has ${moves} moves, ${published} at publishing, ${withdrawn} withdrawals`,
      ];
}
