import { InferenceSession, Tensor } from 'onnxruntime-node';
import { invariant } from '../../shared/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { lowerToOnnx } from '../graph/lower.ts';
import { switchTelemetryOff } from './no-telemetry.ts';

/** What computes: the processor, or the first GPU. */
export type Device = 'cpu' | 'cuda';

/**
 * Multiplies two small matrices on a device and looks at the result. Throws when that device does not compute every node of it: without
 * the option that forbids it, the runtime would do the work on the CPU and say nothing.
 */
export async function probeDevice(device: Device): Promise<void> {
  switchTelemetryOff();
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [2, 2]);
  graph.output('y', graph.matmul(x, x));
  const session = await InferenceSession.create(lowerToOnnx(graph, 'float32'), {
    executionProviders: device === 'cuda' ? [{ name: 'cuda', deviceId: 0 }] : ['cpu'],
    logSeverityLevel: 3,
    ...(device === 'cpu' ? {} : { extra: { session: withoutFallback } }),
  });
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
  await session.release();
  const found = y?.data.toString();
  invariant(found === '7,10,15,22', `[[1,2],[3,4]] squared is [[7,10],[15,22]], and ${device} says ${found}`);
}

/** Work that the device cannot do is an error when the session is made. */
export const withoutFallback = { disable_cpu_ep_fallback: '1' } as const;
