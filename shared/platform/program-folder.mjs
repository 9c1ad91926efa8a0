/**
 * Keeps what programs were compiled to, each in a folder of its own that never changes, and beside them one note for each program: its
 * folder, and the content of every file that it was made from or that was made. A note that is not true any more counts for nothing, so
 * whoever dies at any point, or changes a source, costs the next start no more than compiling again.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Two starts at once may each compile; nobody else's folder is taken away so soon, and its threads run by the loader when it is. */
const keptMilliseconds = 24 * 3600 * 1000;

/** The folder of the program that these URLs are part of, in the first place that can be written. Throws where none can. */
export async function openProgramFolder(places, urls) {
  const place = await firstWritable(places);
  const note = join(place, `${sha256(JSON.stringify(urls)).slice(0, 16)}.json`);
  return {
    /** What is noted, where that is still true. */
    async findFresh() {
      const text = await readFile(note, 'utf8').catch(() => undefined);
      const known = text === undefined ? undefined : parsed(text);
      return known && (await isTrue(known)) ? known.folder : undefined;
    },
    /** Lets `build` fill a new folder, notes what it says that this depends on, and drops what no note names. Returns the folder. */
    async keep(build) {
      const folder = await mkdtemp(join(place, 'program-'));
      const { files, packages } = await build(folder);
      const made = (await readdir(folder)).map((name) => join(folder, name));
      const known = { folder, files: await contentsOf([...files, ...made]), packages, node: process.version };
      const draft = join(folder, 'note.json');
      await writeFile(draft, JSON.stringify(known));
      await rename(draft, note);
      await dropLeftovers(place);
      return folder;
    },
  };
}

async function firstWritable(places) {
  const errors = [];
  for (const place of places)
    try {
      await mkdir(place, { recursive: true, mode: 0o700 });
      // it may be there and not be ours
      await rm(await mkdtemp(join(place, 'try-')), { recursive: true });
      return place;
    } catch (error) {
      errors.push(error);
    }
  throw new AggregateError(errors, 'there is no place to compile to');
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the disk lost power
  }
}

async function isTrue({ files, packages, node }) {
  if (node !== process.version) return false;
  try {
    for (const [name, url] of Object.entries(packages)) if (import.meta.resolve(name) !== url) return false;
    const now = await contentsOf(Object.keys(files));
    return Object.entries(files).every(([path, content]) => now[path] === content);
  } catch {
    return false; // something is gone
  }
}

async function contentsOf(paths) {
  const entries = await Promise.all(paths.map(async (path) => [path, sha256(await readFile(path))]));
  return Object.fromEntries(entries);
}

/** What processes left that died while they compiled, and what sources became that have changed since. */
async function dropLeftovers(place) {
  const names = await readdir(place);
  const notes = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map(async (name) => parsed(await readFile(join(place, name), 'utf8'))),
  );
  const named = new Set(notes.map((known) => basename(known?.folder ?? '')));
  for (const name of names.filter((one) => !one.endsWith('.json') && !named.has(one))) {
    const { mtimeMs } = await stat(join(place, name));
    if (Date.now() - mtimeMs > keptMilliseconds) await rm(join(place, name), { recursive: true, force: true });
  }
}

const sha256 = (content) => createHash('sha256').update(content).digest('hex');
