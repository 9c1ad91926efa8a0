import { basename, extname } from 'node:path';
import { nameField } from '../../shared/contract/fields.ts';
import { rowExtensions } from '../../shared/files/row-files.ts';
import { limits } from '../../shared/limits.ts';

/** A name made from that of a file or folder: `My Rows (2).jsonl` becomes `my-rows-2`; undefined when nothing of it can stay. */
export function nameOfFile(path: string): string | undefined {
  const file = basename(path);
  const name = basename(file, [...rowExtensions, '.gguf'].includes(extname(file)) ? extname(file) : '')
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._]+/g, '-')
    .replaceAll(/\.{2,}/g, '.')
    .slice(0, limits.nameCharsMax)
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return nameField.safeParse(name).success ? name : undefined;
}
