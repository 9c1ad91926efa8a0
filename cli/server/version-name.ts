import { adapterRefField, versionRefField } from '../../shared/contract/fields.ts';
import { DomainError } from '../../shared/errors.ts';

/** An adapter and which version of it. */
export interface VersionName {
  readonly adapter: string;
  readonly version: string;
}

/** `NAME`, `NAME@3` or `NAME@production`, of another team `TEAM:NAME`; without a version it is `latest`. Throws `DomainError('usage')`. */
export function parseVersionName(text: string): VersionName {
  const { name, version } = splitVersionName(text);
  const [nameRead, versionRead] = [adapterRefField.safeParse(name), versionRefField.safeParse(version ?? 'latest')];
  if (nameRead.success && versionRead.success) return { adapter: nameRead.data, version: versionRead.data };
  throw new DomainError(
    'usage',
    `"${text}" names no version of an adapter: write NAME, NAME@3 or NAME@production, with lower-case letters and digits.`,
  );
}

export function splitVersionName(text: string): { readonly name: string; readonly version?: string } {
  const at = text.indexOf('@');
  return at < 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) };
}
