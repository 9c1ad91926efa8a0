import { homedir } from 'node:os';
import { delimiter, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The examples that come with lorary. */
export const examplesFolder = fileURLToPath(new URL('../../examples/', import.meta.url));

/**
 * Folders whose models may become bases without being sent: the examples, those that `LORARY_ALLOWED_ROOTS` names (separated as in PATH),
 * and the folder the server was started in, unless that is the home folder or the root, where far more lies than models.
 */
export function baseFolders(current: string, setting: string | undefined): string[] {
  const named = (setting ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => resolve(folder));
  const started = resolve(current);
  const tooWide = started === resolve(homedir()) || started === parse(started).root;
  return [...new Set([examplesFolder, ...named, ...(tooWide ? [] : [started])])];
}
