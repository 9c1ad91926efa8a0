import { InferenceSession } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { lowerToOnnx } from '../graph/lower.ts';
import { switchTelemetryOff } from './no-telemetry.ts';
import { probeDevice, withoutFallback } from './probe-device.ts';

switchTelemetryOff();

test('work that the device leaves to the CPU is an error, by the name that the runtime knows the option by', async () => {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [2, 2]);
  graph.output('y', graph.matmul(x, x));
  const options = { executionProviders: ['cpu'], logSeverityLevel: 4 } as const;
  const create = (extra: object): Promise<InferenceSession> =>
    InferenceSession.create(lowerToOnnx(graph, 'float32'), { ...options, ...extra });
  await expect(create({ extra: { session: withoutFallback } })).rejects.toThrow(
    /fallback to CPU EP has been explicitly disabled/,
  );
  await (await create({})).release();
});

test('the CPU multiplies', async () => {
  await probeDevice('cpu');
});
