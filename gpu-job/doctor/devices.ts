import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { cudaProvider } from '../runtime/cuda-provider.ts';
import { runCommand } from '../runtime/run-command.ts';

/** What the driver says of its devices. `nvidiaSmi`: the driver's own tool, which comes into the container with it. */
export async function deviceChecks(nvidiaSmi: string): Promise<Diagnosis[]> {
  const fields = 'index,name,driver_version,memory.total,compute_cap';
  const result = await runCommand(nvidiaSmi, [`--query-gpu=${fields}`, '--format=csv,noheader,nounits']);
  if (!result.ok) {
    const what = 'GPU';
    const why = result.missing
      ? `${result.reason}: this container was not given a GPU, or its host has no NVIDIA driver`
      : `${nvidiaSmi} fails: ${result.reason}`;
    return [{ what, verdict: 'bad', detail: why }];
  }
  const rows = result.output.split('\n').filter((line) => line.trim() !== '');
  if (rows.length === 0) return [{ what: 'GPU', verdict: 'bad', detail: `${nvidiaSmi} lists none` }];
  const devices = rows.map((row) => row.split(',').map((field) => field.trim()));
  return [driverCheck(devices[0]?.[2] ?? ''), ...devices.map(deviceCheck)];
}

function driverCheck(version: string): Diagnosis {
  const major = Number(/^(\d+)\./.exec(version)?.[1]);
  const { driverMajorMin } = cudaProvider;
  const detail = `${version}, and CUDA 13 needs ${driverMajorMin} or later: use a newer machine image`;
  return major >= driverMajorMin
    ? { what: 'driver', verdict: 'good', detail: version }
    : { what: 'driver', verdict: 'bad', detail };
}

function deviceCheck([index = '', name = '', , megabytes = '', capability = '']: readonly string[]): Diagnosis {
  const what = `GPU ${index}`;
  const found = `${name}, ${megabytes} MiB, compute capability ${capability}`;
  const { computeCapabilityMin } = cudaProvider;
  if (Number(capability) >= computeCapabilityMin) return { what, verdict: 'good', detail: found };
  const detail = `${found}: there is no code for less than ${computeCapabilityMin}`;
  return { what, verdict: 'bad', detail };
}
