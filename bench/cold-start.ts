/**
 * What a cold start of each deployed function takes: bytes of its bundle, time to import it, and time until it has answered a first call
 * that needs no AWS. In fresh processes of this machine, without Lambda's own start; the reconciler asks the table first, so only its
 * import is timed.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { functionGroups, type FunctionName } from '../infra/function-groups.ts';
import { bundleFunction } from '../test/support/bundle-function.ts';
import { importFunction, startFunction } from '../test/support/start-function.ts';
import { median } from './median.ts';

const starts = 7;

export async function benchColdStart(): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-cold-start-'));
  try {
    const figures: Record<string, unknown> = { bench: 'cold-start', node: process.version, starts, unit: 'ms' };
    for (const name of Object.keys(functionGroups) as FunctionName[]) figures[name] = await timeStart(folder, name);
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timeStart(folder: string, name: FunctionName): Promise<Record<string, number>> {
  const { file } = bundleFunction(folder, `functions/${name}/lambda.ts`, name);
  const { size: bundleBytes } = await stat(file);
  const each = <T>(start: (file: string) => T): T[] => Array.from({ length: starts }, () => start(file));
  if (name === 'reconciler') return { bundleBytes, import: median(each(importFunction)) };
  const runs = each(startFunction);
  return {
    bundleBytes,
    import: median(runs.map(({ importMilliseconds }) => importMilliseconds)),
    firstRequest: median(runs.map(({ firstMilliseconds }) => firstMilliseconds)),
  };
}
