import { totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { diagnosisLine } from '../../shared/domain/diagnosis.ts';
import { DomainError } from '../../shared/errors.ts';
import { installedRuntime } from '../runtime/installed-runtime.ts';
import type { Device } from '../runtime/probe-device.ts';
import { examine } from './examine.ts';
import { loaderFolders } from './libraries.ts';

export interface DoctorSurroundings {
  /** Where jobs work. */
  readonly work: string;
  /** `LORARY_DEVICE` says what the image is for: `cuda`, or else `cpu`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Prints how a container and its machine are: `[--device cpu|cuda] [--json]`. Whether nothing is bad. Throws `DomainError('usage')` for
 * other arguments.
 */
export async function doctor(args: string[], { work, environment }: DoctorSurroundings): Promise<boolean> {
  const { device = environment['LORARY_DEVICE'] || 'cpu', json } = readArguments(args);
  if (!isDevice(device)) throw new DomainError('usage', `The device is "${device}": it can be cpu or cuda.`);
  const found = await examine({
    device,
    runtime: installedRuntime(),
    work,
    nvidiaSmi: 'nvidia-smi',
    libraryFolders: loaderFolders(environment),
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity), // 0: not known
  });
  process.stdout.write(
    json ? `${JSON.stringify({ device, checks: found })}\n` : `${found.map(diagnosisLine).join('\n')}\n`,
  );
  return found.every(({ verdict }) => verdict !== 'bad');
}

function readArguments(args: string[]): { device?: string | undefined; json?: boolean | undefined } {
  try {
    return parseArgs({ args, options: { device: { type: 'string' }, json: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new DomainError('usage', `doctor [--device cpu|cuda] [--json]: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

const isDevice = (name: string): name is Device => name === 'cpu' || name === 'cuda';
