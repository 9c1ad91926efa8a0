/** The same step with torch and PEFT, in a process of its own, on the same card. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { StepSize } from './gpu-shapes.ts';

const lineSchema = z.object({
  seconds: z.number(),
  allocatedBytes: z.number().nullable(),
  reservedBytes: z.number().nullable(),
  versions: z.record(z.string(), z.string()),
});

export interface Peer extends z.output<typeof lineSchema> {
  readonly mode: 'eager' | 'compile';
  readonly tokensPerSecond: number;
}

/** The faster of eager torch and `torch.compile`; why there is none where neither runs. */
export async function measurePeer(
  base: string,
  { rows, length }: StepSize,
  { warmUp, timed }: { readonly warmUp: number; readonly timed: number },
): Promise<Peer | string> {
  const python = process.env['PYTHON'] ?? 'python3';
  const script = fileURLToPath(new URL('train_with_peft.py', import.meta.url));
  const found: Peer[] = [];
  let reason = '';
  for (const mode of ['eager', 'compile'] as const)
    try {
      const args = [script, base, rows, length, mode, warmUp, timed].map(String);
      const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 2 ** 26 });
      const line = lineSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
      found.push({ ...line, mode, tokensPerSecond: (rows * length) / line.seconds });
    } catch (error) {
      reason = String(error).trim().split('\n').at(-1) ?? '';
    }
  const [fastest] = found.toSorted((a, b) => a.seconds - b.seconds);
  return fastest ?? reason;
}
