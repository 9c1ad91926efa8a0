import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Copies what belongs to a model besides its weights and `config.json`: tokenizer, chat template, generation settings, licence.
 * Not copied: other formats of the weights, the card, hidden files, program code. Resolves to the names.
 */
export async function copyCompanionFiles(from: string, to: string): Promise<string[]> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() || !isCompanion(entry.name) ? [] : [entry.name]));
  for (const name of names) await copyFile(join(from, name), join(to, name));
  return names.toSorted();
}

function isCompanion(name: string): boolean {
  if (written.has(name) || name.startsWith('.') || name.endsWith('.index.json')) return false;
  return /\.(json|jinja|txt|model)$/.test(name) || /^(licen[cs]e|notice|use_policy)/i.test(name);
}

/** Files that a merge writes itself, or that would be untrue of its result. */
const written: ReadonlySet<string> = new Set([
  'config.json',
  'merge.json',
  'composition.json',
  'adapter_config.json',
  'trainer_state.json',
]);
