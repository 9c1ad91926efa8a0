import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DomainError } from '../../shared/errors.ts';
import { ggufToBase } from '../folders/gguf-to-base.ts';

/**
 * Makes a model folder of a model folder, or of a GGUF file (alone, or alone in its folder), in any of the forms that they come in. Files are
 * copied, so that the result does not change with the source; only those that belong to a model are taken. `packed`: a GGUF keeps its blocks,
 * and nothing else will do. Throws `DomainError`.
 */
export async function importModelFiles(
  source: string,
  folder: string,
  options: { readonly packed?: boolean } = {},
): Promise<void> {
  const info = await stat(source).catch(() => undefined);
  if (!info) throw new DomainError('folder-missing', `There is no ${basename(source)} here.`);
  if (info.isFile()) return convert(source, folder, options);
  const names = await readdir(source);
  const ggufs = names.filter((name) => name.endsWith('.gguf'));
  if (options.packed && ggufs.length !== 1)
    throw new DomainError('no-gguf', `${basename(source)} holds no single GGUF file whose blocks could be kept.`);
  if (names.includes('config.json') && !options.packed) return copy(source, names.filter(isModelFile), folder);
  if (ggufs.length === 1) return convert(join(source, String(ggufs[0])), folder, options);
  const what =
    ggufs.length > 1
      ? `there are ${ggufs.length} GGUF files: give one of them`
      : 'there is neither config.json nor GGUF';
  throw new DomainError('no-model', `${basename(source)} is no model folder: ${what}.`);
}

/** Config, weights, tokenizer, templates, card and licence, at the top of a model's folder; no code and nothing that runs when loaded. */
export function isModelFile(name: string): boolean {
  return /^(?!\.)[^/]+\.(json|safetensors|jinja|txt|md|model)$/.test(name) || /^(licen[cs]e|notice)[^/]*$/i.test(name);
}

async function convert(path: string, folder: string, options: { readonly packed?: boolean }): Promise<void> {
  if (!path.endsWith('.gguf'))
    throw new DomainError('no-model', `${basename(path)} is a single file and no GGUF: give the model's folder.`);
  await ggufToBase(path, folder, options);
}

async function copy(source: string, names: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    const path = join(source, name);
    // copies share blocks where the file system can
    if ((await stat(path)).isFile()) await copyFile(path, join(folder, name), constants.COPYFILE_FICLONE);
  }
}
