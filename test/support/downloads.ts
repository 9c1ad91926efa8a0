import { access, mkdir, rename, rm } from 'node:fs/promises';
import { UnavailableError } from '../../shared/errors.ts';

/** Runs what needs a package registry. Throws `UnavailableError` with `reason` where it fails: then nothing can be checked. */
export async function attemptDownload<T>(reason: string, download: () => Promise<T>): Promise<T> {
  try {
    return await download();
  } catch (error) {
    throw new UnavailableError(reason, { cause: error });
  }
}

/** Fills a folder beside its place and moves it there when whole, so that an interrupted download is never used. */
export async function atomically(place: string, fill: (folder: string) => Promise<unknown>): Promise<void> {
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await fill(partial);
  await rename(partial, place);
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
