import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where the runtime's libraries are and what version the package says it has. */
export interface InstalledRuntime {
  readonly version: string;
  /** Holds the core; providers are looked for beside it. */
  readonly folder: string;
}

/** Of `onnxruntime-node`, without loading it: a library that does not fit the machine would end this process. */
export function installedRuntime(): InstalledRuntime {
  const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }; // every package has one
  return { version, folder: join(dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch) };
}
