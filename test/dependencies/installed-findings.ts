import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nameOf, type Lock } from './lock-findings.ts';

/** What is installed and is not what is locked: another version, another package, or one that is locked nowhere. One line each. */
export function installedFindings(lock: Lock, root: string): string[] {
  const found: string[] = [];
  for (const [path, { version, optional }] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const file = join(root, path, 'package.json');
    if (!existsSync(file)) {
      // of another system
      if (!optional) found.push(`${path} is locked and not installed: npm ci`);
      continue;
    }
    const there = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string; readonly version?: string };
    if (there.version !== version) found.push(`${path} is ${there.version}, and ${version} is locked`);
    if (there.name !== nameOf(path)) found.push(`${path} calls itself ${there.name}`);
  }
  for (const name of packagesIn(join(root, 'node_modules')))
    if (!Object.hasOwn(lock.packages, `node_modules/${name}`))
      found.push(`node_modules/${name} is installed and locked nowhere`);
  return found;
}

function packagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .flatMap(({ name }) =>
      name.startsWith('@') ? packagesIn(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
    );
}
