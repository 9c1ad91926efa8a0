import { fileURLToPath } from 'node:url';

/** Absolute path of a file inside a package that `npm ci` installed in examples/build. */
export function packageFile(name: string, path: string): string {
  return fileURLToPath(new URL(`../node_modules/${name}/${path}`, import.meta.url));
}
