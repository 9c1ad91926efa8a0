import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sizeText } from '../transfers/transfer-view.ts';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';

/** In a process of its own, because a native library that does not fit the machine ends the process that loads it. */
export async function runtimeCheck(name = 'onnxruntime-node'): Promise<Diagnosis> {
  const what = 'ONNX runtime';
  const code = `import(${JSON.stringify(name)}).then((m) => console.log(Object.keys((m.default ?? m).env.versions).length))`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd, timeout: 30_000 });
    return { what, verdict: 'good', detail: 'loads' };
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error))
      .split('\n')
      .find((line) => /Error|Cannot/.test(line));
    const detail = `does not load (${(text ?? 'it ended without a word').trim().slice(0, 200)}); install again with: npm ci`;
    return { what, verdict: 'bad', detail };
  }
}

export async function writableCheck(folder: string): Promise<Diagnosis> {
  const what = 'data folder';
  const there = existsSync(folder);
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(probe, '');
    await rm(probe);
    if (made !== undefined) await rm(made, { recursive: true }); // looking leaves nothing behind
    return { what, verdict: 'good', detail: `${folder}${there ? '' : ' (not there yet, can be made)'}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { what, verdict: 'bad', detail: `${reason}: choose a folder that can be written with LORARY_DATA` };
  }
}

export async function diskCheck(folder: string): Promise<Diagnosis> {
  let place = folder;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const enough = free >= freeBytesWanted;
  return {
    what: 'disk',
    verdict: enough ? 'good' : 'warning',
    detail: `${sizeText(free)} free${enough ? '' : '; less than a small model and its adapters need'}`,
  };
}

const freeBytesWanted = 2e9;
