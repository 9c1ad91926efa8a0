import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What an image has of its own: paths from its root, and how large they are together. */
export function imageFiles(root: string): { readonly paths: readonly string[]; readonly bytes: number } {
  const paths: string[] = [];
  let bytes = 0;
  for (const top of ['app', 'work'])
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) {
        const path = join(entry.parentPath, entry.name);
        paths.push(path.slice(root.length + 1));
        bytes += statSync(path).size;
      }
  return { paths, bytes };
}

/** `package-lock.json`, as far as it is read here. */
export interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** What does not belong into an image, and what is missing from it. `sources`: what the job imports of the repository. */
export function fileFindings(paths: readonly string[], lock: Lock, sources: readonly string[]): string[] {
  const there = new Set(paths);
  const has = (folder: string): boolean => there.has(`app/${folder}/package.json`);
  const packages = Object.entries(lock.packages).filter(([folder]) => folder.startsWith('node_modules/'));
  return [
    ...paths.filter(isForeign).map((path) => `${path} does not belong there`),
    ...packages.flatMap(([folder, { dev }]) => (dev && has(folder) ? [`${folder} is for development only`] : [])),
    ...packages.flatMap(([folder, { dev, optional }]) =>
      dev || optional || has(folder) ? [] : [`${folder} is missing`],
    ),
    ...sources.flatMap((path) => (there.has(`app/${path}`) ? [] : [`${path} is missing, and the job imports it`])),
  ];
}

function isForeign(path: string): boolean {
  const isPackage = path.startsWith('app/node_modules/');
  if (isPackage) return /\/bin\/napi-v6\/(darwin|win32)\//.test(path);
  return (
    !/^app\/(gpu-job\/|shared\/|package(-lock)?\.json$|tsconfig\.json$|\.npmrc$)/.test(path) ||
    path.endsWith('.test.ts')
  );
}
