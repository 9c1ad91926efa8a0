import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { FuzzFailure, FuzzFigures } from './target.ts';

export interface ReadInputs {
  readonly target: string;
  readonly kind: 'whole' | 'planted';
  readonly seed: number;
  readonly first: number;
  readonly end: number;
}

export type ReadResult = { readonly figures: FuzzFigures } | { readonly failure: FuzzFailure };

/** Objects that the process may hold, in megabytes. Inputs are small; what takes more was told to by one of them. */
const heapMegabytesMax = 256;
/** Longest time for one input, on a machine that is busy with other things, and until there is a first one. */
const inputSecondsMax = 10;
const startSecondsMax = 60;

/** Reads inputs in a process of its own, until they are over or one of them was neither taken nor refused. */
export async function readInputs({ target, kind, seed, first, end }: ReadInputs): Promise<ReadResult> {
  await mkdir(folder, { recursive: true });
  const progressPath = `${folder}/${target}-${kind}`;
  await rm(progressPath, { force: true });
  const args = [target, kind, progressPath, ...[seed, first, end].map(String)];
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytesMax}`, '--import', 'tsx', worker, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  const where = (): string => (existsSync(progressPath) ? readFileSync(progressPath, 'utf8').trim() : '');
  let [last, still, isLate] = ['', 0, false];
  const timer = setInterval(() => {
    const now = where();
    still = now === last ? still + 1 : 0;
    last = now;
    if (still < (now === '' ? startSecondsMax : inputSecondsMax)) return;
    isLate = true;
    child.kill('SIGKILL');
  }, 1000);
  try {
    const ended = await new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(signal ?? `code ${String(code)}`));
    });
    if (ended === 'code 0') return JSON.parse(output.trim().split('\n').at(-1) ?? '') as ReadResult; // the worker's last line
    const reason = isLate
      ? `it took more than ${inputSecondsMax} s`
      : `its reader ended with ${ended}:\n${errors.trim()}`;
    return { failure: { input: Number(where()), reason } };
  } finally {
    clearInterval(timer);
  }
}

const folder = '.cache/security';
const worker = fileURLToPath(new URL('./worker.ts', import.meta.url));
