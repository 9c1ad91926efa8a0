import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { adapterRefField } from '../shared/contract/fields.ts';
import { DomainError } from '../shared/errors.ts';
import type { Subject } from './command.ts';
import { splitVersionName } from './server/version-name.ts';

/**
 * Whether a base or an adapter is a folder here or a name that the server knows. A text with a slash or backslash is a folder; so is a
 * word when a folder of that name with the right file (`config.json`, `adapter_config.json`) is here. Every other word that can be a
 * name is one; what cannot be a name is a folder.
 */
export function folderOrName({ text, file }: Subject): 'folder' | 'name' {
  if (/[\\/]/.test(text) || text === '.' || text === '..') return 'folder';
  const { name, version } = splitVersionName(text);
  if (version === undefined && existsSync(join(text, file))) return 'folder';
  return adapterRefField.safeParse(name).success && version !== '' ? 'name' : 'folder';
}

/** What a call is about, from all that it names. Throws `DomainError('usage')` when it mixes folders and names. */
export function worksOn(subjects: readonly Subject[]): 'folders' | 'names' {
  const folders = subjects.filter((subject) => folderOrName(subject) === 'folder');
  if (folders.length === 0 && subjects.length > 0) return 'names';
  if (folders.length === subjects.length) return 'folders';
  const [folder] = folders;
  const name = subjects.find((subject) => !folders.includes(subject));
  throw new DomainError(
    'usage',
    `"${folder?.text}" is a folder and "${name?.text}" a name of the server; one call works on folders or on names.\n` +
      `A name becomes a folder by: lorary pull ${name?.text} --output FOLDER\nA folder becomes a name by: lorary push FOLDER`,
  );
}
