import type { Row, Store } from '../../crash/check/store.ts';

/**
 * Every record as one text, sorted: what two stores that were written by the same calls at the same time agree in. Without the notes of what
 * a thing was made of: they are written before it is published, and lead to nothing until then.
 */
export function exactState({ rows }: Store): string[] {
  return textsOf(rows.filter((row) => isOfTheTeam(row) && !isLineage(row)));
}

/** All that, but for what another try draws or notes anew: times, ids of requests, contents, secrets, signatures, rows of the audit twice. */
export function comparableState({ rows }: Store): string[] {
  const settled = rows
    .filter((row) => isOfTheTeam(row) && !holdsNothing(row))
    .map((row) => (isLineage(row) ? { ...row, revision: 1 } : row));
  const texts = textsOf(settled).map((text) =>
    text
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d(:\d\d:\d\d\.\d{3}Z)?/g, '<time>')
      .replaceAll(/\b(req|val|prg|era|tok|idem)_[0-9a-z]{16}(#\d+)?/g, '<$1>')
      .replaceAll(/[0-9a-f]{32,}/g, '<bytes>')
      .replaceAll(/[A-Za-z0-9+/_-]{80,}={0,2}/g, '<signature>')
      .replaceAll(/\b[0-9a-f]{16}\b/g, '<key>'),
  );
  return [...new Set(texts)].toSorted();
}

/** Versions that are published and not noted with their base. */
export function unnotedVersions(store: Store): string[] {
  return store.ofKind('version').flatMap(({ value }) => {
    const { id, version, lineage } = value as {
      id: string;
      version: number | null;
      lineage: { base?: { id: string } };
    };
    if (version === null || !lineage.base || store.find(`blue#made-of#${id}`, lineage.base.id)) return [];
    return [`${id} is published and no note says of what it is made`];
  });
}

function textsOf(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(row, inOrder)).toSorted();
}

function isLineage({ partition }: Row): boolean {
  return /^[^#]*#made-(of|with)#/.test(partition);
}

/** Fields by name: what was added first says nothing. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** It has expired, and the store drops it when it likes. */
function holdsNothing({ partition, value }: Row): boolean {
  return partition.endsWith('#stored') && value['bytes'] === 0 && value['reserved'] === 0;
}

/** What the store keeps for itself is made when it is first asked for; when a key was last used is noted with each call, whatever comes of it. */
function isOfTheTeam({ partition, sort }: Row): boolean {
  return !partition.startsWith('SECRET#') && !(partition.startsWith('KEY#') && sort === 'use');
}

/** How one state differs from another, as a sentence; undefined: they are the same. */
export function difference(is: readonly string[], should: readonly string[]): string | undefined {
  const missing = should.filter((text) => !is.includes(text));
  const more = is.filter((text) => !should.includes(text));
  if (missing.length === 0 && more.length === 0 && is.length === should.length) return undefined;
  const keysOf = (texts: readonly string[]): string => texts.map((text) => text.slice(0, 90)).join('; ');
  return `lacks ${missing.length} records (${keysOf(missing)}) and has ${more.length} others (${keysOf(more)})`;
}
