import { createHash } from 'node:crypto';
import { canonicalJson } from '../formats/canonical-json.ts';

/** Takes the rows of an hour, in any order, to one hash: SHA-256 over the sorted SHA-256 of each row's canonical JSON. */
export class AuditDigest {
  readonly #rows: Buffer[] = [];

  add(row: unknown): void {
    this.#rows.push(createHash('sha256').update(canonicalJson(row)).digest());
  }

  get rows(): number {
    return this.#rows.length;
  }

  /** Hex. */
  digest(): string {
    const hash = createHash('sha256');
    for (const row of this.#rows.toSorted((a, b) => Buffer.compare(a, b))) hash.update(row);
    return hash.digest('hex');
  }
}

/** What is said of the hour of a team, and signed. */
export interface AuditSealStatement {
  readonly format: typeof auditSealFormat;
  readonly team: string;
  /** From 1, without gaps. */
  readonly number: number;
  /** E.g. `2026-11-29T18`. */
  readonly hour: string;
  readonly rows: number;
  /** Of `AuditDigest`. */
  readonly digest: string;
  /** Hash of the seal before; null: there is none. */
  readonly previous: string | null;
  readonly sealedAt: string;
}

export const auditSealFormat = 'lorary-audit-seal-1';

/** The bytes that are signed, and what the next seal calls this one. */
export function sealBytes(statement: AuditSealStatement): { readonly bytes: Uint8Array; readonly hash: string } {
  const bytes = Buffer.from(canonicalJson(statement));
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}
