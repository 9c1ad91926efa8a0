import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Files of the repository that a build gets, by `.dockerignore`. Knows only the forms that ours uses, `**`, `!name` at the top and
 * `**` followed by `/*.ending`, and throws at others, as a guess at their meaning would prove nothing.
 */
export async function contextFiles(root: string): Promise<string[]> {
  const lines = (await readFile(join(root, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => !/^(#|\s*$)/.test(line));
  if (lines[0] !== '**') throw new Error('.dockerignore leaves everything out first');
  const names: string[] = [];
  const endings: string[] = [];
  for (const line of lines.slice(1)) {
    const [, name, ending] = /^!([\w.-]+)$|^\*\*\/\*(\.[\w.]+)$/.exec(line) ?? [];
    if (name !== undefined && endings.length === 0) names.push(name);
    else if (ending !== undefined) endings.push(ending);
    else throw new Error(`.dockerignore says "${line}", which is not understood here`);
  }
  const found: string[] = [];
  for (const name of names) {
    const entries = await readdir(join(root, name), { recursive: true, withFileTypes: true }).catch(() => undefined);
    if (!entries) found.push(name);
    for (const entry of entries ?? [])
      if (entry.isFile()) found.push(join(entry.parentPath, entry.name).slice(root.length + 1));
  }
  return found.filter((path) => !endings.some((ending) => path.endsWith(ending))).toSorted();
}
