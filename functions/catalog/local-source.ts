import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ImportSource } from '../../shared/records/import-request.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';

/**
 * A model folder or GGUF file of the serving machine, by its real path. Throws `DomainError('folder-not-allowed')` for whatever does not
 * stand below one of `roots`, links followed, whether it is there or not; `DomainError('no-such-folder')` for what is missing below them.
 */
export async function checkLocalSource(path: string, roots: readonly string[]): Promise<ImportSource> {
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => resolve(root))));
  const allowed = (real: string): boolean => realRoots.some((root) => isBelow(root, real));
  const given = resolve(path);
  if (!isAbsolute(path) || ![...realRoots, ...roots.map((root) => resolve(root))].some((root) => isBelow(root, given)))
    throw notAllowed(path, roots);
  const real = await realpath(given).catch(() => undefined);
  if (real === undefined)
    throw new DomainError('no-such-folder', `There is nothing at ${path} on the machine that serves.`);
  if (!allowed(real)) throw notAllowed(path, roots);
  if ((await stat(real)).isDirectory()) await checkFolder(real, allowed);
  else if (!real.toLowerCase().endsWith('.gguf'))
    throw new DomainError('no-such-folder', `${path} is neither a folder nor a GGUF file: give one of these.`);
  return { kind: 'local', path: real };
}

async function checkFolder(folder: string, allowed: (real: string) => boolean): Promise<void> {
  const findings: Finding[] = [];
  const report = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'folder-not-allowed', where, message });
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.length > limits.uploadFilesMax)
    report(folder, `it has ${entries.length} entries; a model folder has at most ${limits.uploadFilesMax}`);
  else
    for (const entry of entries.filter((candidate) => candidate.isSymbolicLink())) {
      const real = await realpath(join(folder, entry.name)).catch(() => undefined);
      if (real === undefined) report(entry.name, 'it is a link to nothing');
      else if (!allowed(real)) report(entry.name, 'it is a link to something outside of the folders that are allowed');
    }
  refuseErrors('folder-not-allowed', 'This folder cannot become a base:', findings);
}

function isBelow(root: string, path: string): boolean {
  const rest = relative(root, path);
  return rest === '' || (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest));
}

function notAllowed(path: string, roots: readonly string[]): DomainError {
  const where = roots.length === 0 ? 'this server allows no folders' : `this server allows ${roots.join(', ')}`;
  return new DomainError(
    'folder-not-allowed',
    `${path} is not an absolute path below a folder that may be read: ${where}. Move the model there, or upload it.`,
  );
}
