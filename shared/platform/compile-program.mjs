/**
 * Runs a TypeScript program without the loader. Node 20 loads TypeScript through hooks that live in a thread of their own, one more for
 * every worker; they take some 70 MB and half a second each. A program that runs for days is compiled once instead, when it starts.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { setEnvironmentData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

/** Programs of the threads that a server starts; `start-thread.mjs` looks for them. */
const threads = ['../../functions/validator/inspect-worker.ts', '../text/template-worker.ts'].map(
  (path) => new URL(path, import.meta.url).href,
);

/** Imports the program at this file URL, compiled; through the loader where it cannot be compiled, since it runs like that as well. */
export async function importProgram(url) {
  // The space for new objects stays at its first megabyte and is swept more often. What a server gets and forgets are buffers outside the
  // heap, a thousand times the size of the objects that hold them: 16 MB of such objects are a lot of buffers to wait for.
  setFlagsFromString('--semi-space-growth-factor=1');
  let compiled;
  try {
    compiled = await compile([url, ...threads]);
  } catch {
    register();
    return import(url);
  }
  setEnvironmentData('compiledPrograms', compiled);
  return import(compiled[url]);
}

/** By URL of a source: the URL of what it became, in a folder that goes with this process. */
async function compile(urls) {
  const { build, stop } = await import('esbuild');
  const folder = mkdtempSync(join(tmpdir(), 'lorary-program-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await build({
    entryPoints: urls.map((url) => fileURLToPath(url)),
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    plugins: [sourcesInPlace],
  });
  await stop(); // ends the compiler's process
  const compiled = urls.map((url) => [url, pathToFileURL(join(folder, `${basename(url, '.ts')}.mjs`)).href]);
  if (!compiled.every(([, to]) => existsSync(fileURLToPath(to)))) throw new Error('the compiler left a program out');
  return Object.fromEntries(compiled);
}

/** What is compiled stands elsewhere than its source, so whatever depends on the place is settled here. */
const sourcesInPlace = {
  name: 'sources-in-place',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('node:')
        ? undefined
        : { path: import.meta.resolve(path), external: true },
    );
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll(/import\.meta\.resolve\('([^']+)'\)/g, (_, name) => JSON.stringify(import.meta.resolve(name)));
      return { contents, loader: 'ts' };
    });
  },
};
