import { basename, resolve } from 'node:path';
import { usageSnippets, type EngineAnswer } from '../../shared/domain/usage-snippets.ts';

/** A version in a folder, or as it would be after `lorary pull`. */
export interface PulledVersion {
  readonly folder: string;
  /** Name of its base on the server. */
  readonly base: string;
  /** `base_model_name_or_path` of its config: what libraries load. */
  readonly baseModelName: string | null;
}

/** How to use a version, for every engine that serves it; empty where none is known to. */
export function usageText(version: PulledVersion, engines: readonly EngineAnswer[]): string {
  const folder = resolve(version.folder);
  const baseFolder = resolve(`${version.base}-base`); // where `lorary pull --base` puts it
  // a name that only the server knows is nothing that a library could load
  const named = version.baseModelName !== version.base ? version.baseModelName : null;
  const base = named ?? baseFolder;
  const snippets = usageSnippets({ folder, name: basename(folder), base, baseFolder }, engines);
  if (snippets.length === 0) return '';
  const parts = snippets.map(({ engine, code }) => `${engine}:\n\n${code.trimEnd().replaceAll(/^(?=.)/gm, '  ')}\n`);
  return [`How to use it (lorary pull --base ${version.base} fetches the base):`, '', ...parts].join('\n').trimEnd();
}
