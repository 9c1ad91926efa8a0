import type { Finding } from '../errors.ts';
import type { StoredFile } from '../records/stored-file.ts';

/** Files whose bytes are not those that were announced. */
export function hashFindings(files: readonly StoredFile[], found: Readonly<Record<string, string>>): Finding[] {
  return files
    .filter(({ path, sha256 }) => found[path] !== sha256)
    .map(({ path, sha256 }) => ({
      severity: 'error',
      code: 'hash-mismatch',
      message: `its SHA-256 is ${found[path] ?? 'not known'}, not ${sha256} as announced: send it again`,
      where: path,
    }));
}
