import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import { lowerGraph } from '../../gpu-job/graph/lower.ts';
import type { OnnxModel } from '../../gpu-job/graph/onnx.ts';
import { architectures } from '../../gpu-job/models/registry.ts';
import { cudaKernels, lackingCudaKernels, recordedProvider } from '../../gpu-job/runtime/cuda-kernels.ts';
import { installedRuntime } from '../../gpu-job/runtime/installed-runtime.ts';
import { kernelNeeds, refuseUnplaced } from '../../gpu-job/runtime/placement.ts';
import { placedConfigs, placedModels } from './graphs.ts';

describe('on the CUDA provider', () => {
  test('every graph of every architecture, method, plan, packing and type of products has its kernels, and products their type', () => {
    const missing = new Map<string, string>();
    const products = new Set<string>();
    for (const { name, model } of placedModels())
      for (const { signature, node } of kernelNeeds(model)) {
        if (!cudaKernels.has(signature)) missing.set(signature, `${node.name} of ${name}`);
        if (signature.includes('MatMul')) products.add(`${name.split(' ').at(-1)}: ${signature}`);
      }
    expect(missing).toEqual(new Map());
    expect([...products].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      ['bfloat16', 'float16', 'float32'].flatMap((type) => [
        `${type}: MatMul(${type},${type})`,
        `${type}: com.microsoft.FusedMatMul(${type},${type})`,
      ]),
    );
  }, 120_000);

  test('the kernels are those of the version that is installed', () => {
    expect(recordedProvider).toBe(installedRuntime().version);
  });

  test('there is a graph of every architecture', () => {
    const placed = new Set(Object.values(placedConfigs).map((config) => config['model_type']));
    expect(architectures.filter(({ modelTypes }) => !modelTypes.some((type) => placed.has(type)))).toEqual([]);
  });

  test('what is spelled for the processor alone is refused by the names of its nodes, all of them', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', [2, 32]);
    const parts = [graph.bytes('uint8', new Uint8Array(32)), graph.external('scales', 'float16', [2], outside)];
    const packing = { kind: 'blocks', blockSize: 32, bits: 4, offset: 8 } as const;
    graph.output(
      'y',
      graph.scope('layers.7', () =>
        graph.apply('PackedMatMul', [x, ...parts], { packing, shape: [2, 32], transposed: true }),
      ),
    );
    expect(() => refuseUnplaced(lowerGraph(graph, 'float32'))).toThrow(
      /layers\.7\/BitwiseAnd#\d+: there is no kernel for BitwiseAnd\(uint8,uint8\)\n.*layers\.7\/BitShift#/,
    );
    refuseUnplaced(lowerGraph(graph, 'float32', { device: 'cuda' }));
  });

  test('a type that the provider lacks is refused', () => {
    const log = { op: 'Log', domain: '', name: 'loss/Log#3', inputs: ['x'], outputs: ['y'], attrs: {} } as const;
    const model = (dtype: 'float32' | 'bfloat16'): OnnxModel => ({
      nodes: [log],
      initializers: [],
      inputs: [{ name: 'x', dtype, dims: [2] }],
      outputs: [{ name: 'y', dtype, dims: [2] }],
    });
    refuseUnplaced(model('float32'));
    expect(() => refuseUnplaced(model('bfloat16'))).toThrow(/loss\/Log#3: there is no kernel for Log\(bfloat16\)/);
    expect(lackingCudaKernels.has('Log(bfloat16)')).toBe(true);
  });
});

const outside = { location: 'w', offset: 0, lengthBytes: 4 };
