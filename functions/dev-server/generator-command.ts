import { fileURLToPath } from 'node:url';
import type { WarmGeneratorOptions } from '../../shared/local/warm-generator.ts';

/** How this machine starts the process that generates texts: by the path of its file, because no function knows the engine. */
export function generatorCommand(env: NodeJS.ProcessEnv = process.env): WarmGeneratorOptions['command'] {
  const worker = fileURLToPath(new URL('../../gpu-job/generate-worker.ts', import.meta.url));
  const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));
  return {
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), worker],
    // not the settings of whatever project the user stands in
    env: { ...env, TSX_TSCONFIG_PATH: tsconfig },
  };
}
