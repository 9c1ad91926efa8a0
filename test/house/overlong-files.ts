import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Lines a file may have: past this it does more than one thing. */
const linesMax = 400;

const skipped = new Set(['node_modules', '.git', '.cache', '.lorary']);

/** A sentence for every TypeScript file under `root` that is too long. */
export function overlongFiles(root: string): string[] {
  return sourceFiles(root).flatMap((path) => {
    const lines = readFileSync(path, 'utf8').split('\n').length - 1;
    return lines > linesMax
      ? [`${relative(root, path)}: ${lines} lines, at most ${linesMax}: split it by responsibility.`]
      : [];
  });
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}
