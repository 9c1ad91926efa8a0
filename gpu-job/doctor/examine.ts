import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { nodeCheck } from '../../shared/domain/node-check.ts';
import type { Finding } from '../../shared/errors.ts';
import type { InstalledRuntime } from '../runtime/installed-runtime.ts';
import type { Device } from '../runtime/probe-device.ts';
import { coreFindings, providerFindings } from '../runtime/runtime-files.ts';
import { runCommand } from '../runtime/run-command.ts';
import { deviceChecks } from './devices.ts';
import { libraryChecks } from './libraries.ts';
import { memoryCheck, workChecks } from './machine.ts';

export interface ExamineOptions {
  readonly device: Device;
  readonly runtime: InstalledRuntime;
  /** Where jobs work. */
  readonly work: string;
  /** The driver's tool; a name is looked up in `PATH`. */
  readonly nvidiaSmi: string;
  /** Where the loader looks. */
  readonly libraryFolders: readonly string[];
  /** What this process may use. */
  readonly memoryBytes: number;
}

/** Everything that a job needs of its container and machine, all at once. */
export async function examine(options: ExamineOptions): Promise<Diagnosis[]> {
  const { device, runtime, nvidiaSmi, libraryFolders } = options;
  return [
    nodeCheck(process.versions.node),
    fromFindings('ONNX runtime', runtime.version, await coreFindings(runtime)),
    ...(device === 'cuda'
      ? [
          fromFindings('CUDA provider', runtime.version, await providerFindings(runtime.folder, runtime)),
          ...(await deviceChecks(nvidiaSmi)),
          ...libraryChecks(libraryFolders),
        ]
      : []),
    await computeCheck(device),
    { what: 'cores', verdict: 'good', detail: String(availableParallelism()) },
    memoryCheck(options.memoryBytes),
    ...(await workChecks(options.work)),
  ];
}

function fromFindings(what: string, good: string, findings: readonly Finding[]): Diagnosis {
  if (findings.length === 0) return { what, verdict: 'good', detail: good };
  return { what, verdict: 'bad', detail: findings.map(({ where, message }) => `${where} ${message}`).join('; ') };
}

/** A small product on the device itself: what the other checks say of its parts, it says of the whole. */
async function computeCheck(device: Device): Promise<Diagnosis> {
  const what = `product on ${device}`;
  const probe = fileURLToPath(new URL('probe.ts', import.meta.url));
  const cwd = fileURLToPath(new URL('.', import.meta.url)); // the loader is looked up from here
  const result = await runCommand(process.execPath, ['--import', 'tsx', probe, device], { cwd, timeoutSeconds: 120 });
  return result.ok ? { what, verdict: 'good', detail: 'right' } : { what, verdict: 'bad', detail: result.reason };
}
