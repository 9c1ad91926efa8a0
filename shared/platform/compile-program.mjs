/**
 * Runs a TypeScript program without the loader. Node 20 loads TypeScript through hooks that live in a thread of their own, one more for
 * every worker; they take some 70 MB and half a second each. A program that runs for days is compiled once instead, when it starts, and
 * what it became is kept for the next start.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { setEnvironmentData } from 'node:worker_threads';
import { openProgramFolder } from './program-folder.mjs';

/** Programs of the threads that a server starts; `start-thread.mjs` looks for them. */
const threads = ['../../functions/validator/inspect-worker.ts', '../text/template-worker.ts'].map(
  (path) => new URL(path, import.meta.url).href,
);

/** Beside the sources or, where that cannot be written, with what the server keeps. */
const defaultPlaces = () => [
  fileURLToPath(new URL('../../.cache/programs', import.meta.url)),
  resolve(process.env['LORARY_DATA'] || '.lorary', 'programs'),
];

/**
 * Imports the program at this file URL, compiled; through the loader where it cannot be compiled, since it runs like that as well.
 * The first of `places` that can be written keeps what it became.
 */
export async function importProgram(url, places = defaultPlaces()) {
  // The space for new objects stays at its first megabyte and is swept more often. What a server gets and forgets are buffers outside the
  // heap, a thousand times the size of the objects that hold them: 16 MB of such objects are a lot of buffers to wait for. A flag, because
  // nothing else tells a running process; every thread that starts sets it back, so `start-thread.mjs` repeats it.
  setFlagsFromString('--semi-space-growth-factor=1');
  let compiled;
  try {
    compiled = await compile([url, ...threads], places);
  } catch {
    const { register } = await import('tsx/esm/api');
    register();
    return import(url);
  }
  setEnvironmentData('compiledPrograms', compiled);
  return import(compiled[url]);
}

/** By URL of a source: the URL of what it became. */
async function compile(urls, places) {
  const programs = await openProgramFolder(places, [import.meta.url, ...urls]);
  const folder = (await programs.findFresh()) ?? (await programs.keep((outdir) => build(urls, outdir)));
  const compiled = urls.map((url) => [url, pathToFileURL(join(folder, `${basename(url, '.ts')}.mjs`)).href]);
  if (!compiled.every(([, to]) => existsSync(fileURLToPath(to)))) throw new Error('the compiler left a program out');
  return Object.fromEntries(compiled);
}

/** Returns what the result depends on: the files that were read, and where each package was found. A compiler's memory goes with its process. */
async function build(urls, outdir) {
  const compiler = fileURLToPath(new URL('compiler.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, outdir, ...urls]);
  return JSON.parse(stdout);
}
