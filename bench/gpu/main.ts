import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { switchTelemetryOff } from '../../gpu-job/runtime/no-telemetry.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { benchGpu, isSound } from './bench-gpu.ts';
import { withGpuTable } from './gpu-table.ts';

const page = 'docs/performance.md';

/**
 * `npm run bench:gpu -- [--dry] [--write-table]`: builds, checks and times everything on the first card, and prints one line of JSON. Ends with
 * 1 when something is not as on the CPU, with 75 where there is no card.
 */
async function main(args: string[]): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { dry, 'write-table': writes } = parseArgs({ args, options: { dry: flag, 'write-table': flag } }).values;
  switchTelemetryOff();
  try {
    const result = await benchGpu({ dry, folder: '.cache/bench/gpu', peer: true });
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (writes) await writeFile(page, withGpuTable(await readFile(page, 'utf8'), result));
    return isSound(result) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 75;
  }
}

process.exitCode = await main(process.argv.slice(2));
