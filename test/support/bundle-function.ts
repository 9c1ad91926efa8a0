import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundling } from '../../infra/constructs/api-function.ts';
import { threadsOf } from '../../infra/constructs/threads.ts';
import type { FunctionName } from '../../infra/function-groups.ts';

export interface Bundle {
  /** The program, in a folder of its own below the given one. */
  readonly file: string;
  /** What went into it, as paths from the root of the repository. */
  readonly inputs: readonly string[];
}

/** Bundles `entry` as the function `name` is bundled when it is deployed. */
export function bundleFunction(folder: string, entry: string, name: FunctionName): Bundle {
  const { target, minify, keepNames, mainFields, banner, define, commandHooks } = { ...bundling, ...threadsOf(name) };
  const out = join(folder, entry.replaceAll('/', '-'));
  const file = join(out, 'index.mjs');
  const metafile = `${out}.json`;
  execFileSync('node_modules/.bin/esbuild', [
    entry,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--target=${target}`,
    ...(minify ? ['--minify'] : []),
    ...(keepNames ? ['--keep-names'] : []),
    `--main-fields=${(mainFields ?? []).join(',')}`,
    `--banner:js=${banner}`,
    ...Object.entries(define ?? {}).map(([from, to]) => `--define:${from}=${to}`),
    '--log-level=warning',
    `--metafile=${metafile}`,
    `--outfile=${file}`,
  ]);
  for (const command of [commandHooks?.afterBundling(resolve('.'), out).join(' && ') ?? 'true'])
    execFileSync('sh', ['-c', command]);
  return { file, inputs: Object.keys((JSON.parse(readFileSync(metafile, 'utf8')) as { inputs: object }).inputs) };
}
