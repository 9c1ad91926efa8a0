import { listAudit, listAuditSeals, type AuditSeal } from '../../shared/contract/audit.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Finding } from '../../shared/errors.ts';
import { AuditDigest, sealBytes } from '../../shared/signing/audit-digest.ts';
import { isSignedBy } from '../../shared/signing/signatures.ts';
import type { SigningKey } from '../../shared/platform/ports.ts';
import { allPages } from '../server/all-pages.ts';

export interface AuditScope {
  /** Hours, both included, whose rows are compared; absent: all that are sealed. The chain itself is always followed whole. */
  readonly from?: string;
  readonly to?: string;
  /** What was seen of the chain before: the seal of this number had this hash. */
  readonly seen?: { readonly number: number; readonly hash: string };
  /** Signatures have to be by one of these: more than one where a key was replaced. */
  readonly keys: readonly SigningKey[];
}

export interface AuditVerdict {
  readonly seals: number;
  readonly hours: number;
  readonly rows: number;
  readonly unsigned: number;
  /** Of the newest seal: who keeps it elsewhere sees a chain that was cut or made anew. */
  readonly last: { readonly number: number; readonly hash: string } | undefined;
  readonly findings: readonly Finding[];
}

/** Compares what the server tells of the audit with what was sealed when each hour was over. Everything that differs is a finding. */
export async function verifyAudit(api: ApiClient, scope: AuditScope): Promise<AuditVerdict> {
  const seals = await allPages(api, listAuditSeals);
  const findings = chainFindings(seals, scope);
  const [first, last] = [seals[0], seals.at(-1)];
  const from = scope.from ?? first?.statement.hour;
  const to = [scope.to, last?.statement.hour].filter((hour) => hour !== undefined).toSorted()[0];
  const [digests, newest] = [from && to ? await digestsOf(api, from, to) : new Map<string, AuditDigest>(), last];
  const isAsked = (hour: string): boolean => from !== undefined && to !== undefined && hour >= from && hour <= to;
  const asked = seals.filter(({ statement }) => isAsked(statement.hour));
  for (const { statement } of asked) {
    const { hour, rows, digest } = statement;
    const found = digests.get(hour) ?? new AuditDigest();
    digests.delete(hour);
    if (found.rows !== rows) findings.push(finding(hour, `${rows} rows were sealed, and there are ${found.rows}`));
    else if (found.digest() !== digest) findings.push(finding(hour, 'a row is not what was sealed'));
  }
  for (const [hour, { rows }] of digests)
    findings.push(finding(hour, `the hour was sealed as empty, and there are ${rows} rows`));
  return {
    seals: seals.length,
    hours: asked.length,
    rows: asked.reduce((sum, { statement }) => sum + statement.rows, 0),
    unsigned: seals.filter(({ signature }) => signature === null).length,
    last: newest && { number: newest.statement.number, hash: sealBytes(newest.statement).hash },
    findings,
  };
}

function chainFindings(seals: readonly AuditSeal[], { keys, seen }: AuditScope): Finding[] {
  const findings: Finding[] = [];
  let previous: string | null = null;
  let known = seen === undefined;
  let signs = false;
  for (const [at, { statement, signature }] of seals.entries()) {
    const { bytes, hash } = sealBytes(statement);
    const say = (message: string): void => void findings.push(finding(`seal ${statement.number}`, message));
    if (statement.number !== at + 1) say(`it stands in place ${at + 1}: a seal is missing, or one was added`);
    if (statement.previous !== previous) say('it does not follow from the seal before');
    const key = keys.find(({ keyId }) => keyId === signature?.keyId);
    if (signature && !key) say(`it is signed by the key ${signature.keyId}, which is not trusted`);
    else if (signature && key && !isSignedBy(key, bytes, signature)) say('its signature is not one of what it says');
    if (!signature && signs) say('it is not signed, and one before it is');
    signs ||= signature !== null;
    if (statement.number === seen?.number) {
      known = true;
      if (hash !== seen.hash) say(`it was ${seen.hash} when it was seen before`);
    }
    previous = hash;
  }
  if (!known && seen) findings.push(finding(`seal ${seen.number}`, 'it was seen before, and is gone'));
  return findings;
}

/** Rows of these hours, a month at a time. */
async function digestsOf(api: ApiClient, from: string, to: string): Promise<Map<string, AuditDigest>> {
  const digests = new Map<string, AuditDigest>();
  const end = Date.parse(`${to}:00:00Z`) + hourMilliseconds;
  for (let at = Date.parse(`${from}:00:00Z`); at < end; at += stepMilliseconds) {
    const range = {
      from: new Date(at).toISOString(),
      to: new Date(Math.min(at + stepMilliseconds, end)).toISOString(),
    };
    for (const row of await allPages(api, listAudit, { query: range })) {
      const hour = row.at.slice(0, 13);
      const digest = digests.get(hour) ?? new AuditDigest();
      digest.add(row);
      digests.set(hour, digest);
    }
  }
  return digests;
}

const hourMilliseconds = 3_600_000;
const stepMilliseconds = 30 * 24 * hourMilliseconds;

const finding = (where: string, message: string): Finding => ({
  severity: 'error',
  code: 'audit-differs',
  where,
  message,
});
