import { describe, expect, test } from 'vitest';
import { GraphBuilder } from './builder.ts';
import type { Tensor } from './tensor.ts';

const float = (graph: GraphBuilder, name: string, ...dims: (number | string)[]): Tensor =>
  graph.input(name, 'float32', dims);
const integers = (graph: GraphBuilder, name: string, ...dims: (number | string)[]): Tensor =>
  graph.input(name, 'int64', dims);

/** Each wrong use and the part of the message that says what is wrong. */
const refusals: Readonly<Record<string, [(graph: GraphBuilder) => unknown, RegExp]>> = {
  'inner dimensions of a product': [
    (g) => g.matmul(float(g, 'x', 'B*T', 64), float(g, 'w', 48, 32)),
    /inner dimensions 64 and 48 differ/,
  ],
  'a symbol against a number': [(g) => g.add(float(g, 'x', 'T', 4), float(g, 'y', 5, 4)), /T and 5 do not broadcast/],
  'element types': [(g) => g.add(float(g, 'x', 2), integers(g, 'y', 2)), /element types float32 and int64 differ/],
  'a product of integers': [
    (g) => g.matmul(integers(g, 'x', 2, 2), integers(g, 'y', 2, 2)),
    /must be float32 or float64/,
  ],
  'elements of a reshape': [(g) => g.reshape(float(g, 'x', 'B*T', 6), ['B', 'T', 4]), /6\*B\*T elements do not fill/],
  'a permutation': [(g) => g.transpose(float(g, 'x', 2, 3), [0, 0]), /does not permute rank 2/],
  'unequal symbolic pieces': [(g) => g.split(float(g, 'x', '2*H', 2), 0, ['H', 'T']), /symbolic pieces must be equal/],
  'pieces of a symbolic axis': [(g) => g.split(float(g, 'x', 'T', 2), 0, ['T', 'T']), /add up to 2\*T/],
  'an axis': [(g) => g.reduceSum(float(g, 'x', 2), [1]), /axis 1 is outside rank 1/],
  'a condition': [(g) => g.where(float(g, 'c', 2), float(g, 'a', 2), float(g, 'b', 2)), /condition must be bool/],
  'the weight of a norm': [
    (g) => g.apply('RmsNorm', [float(g, 'x', 2, 4), float(g, 'w', 3)], { epsilon: 1 }),
    /last dimension of x/,
  ],
  'the mask of attention': [
    (g) => {
      const [q, k] = [float(g, 'q', 'B', 2, 'T', 4), float(g, 'k', 'B', 2, 'S', 4)];
      return g.apply('Attention', [q, k, k, float(g, 'm', 'B', 1, 'S', 'T')], { scale: 1 });
    },
    /do(es)? not broadcast|must broadcast to \[\.\.\., Q, S\]/,
  ],
  'the heads of attention': [
    (g) => {
      const [q, k] = [float(g, 'q', 'B', 4, 'T', 4), float(g, 'k', 'B', 2, 'S', 4)];
      return g.apply('Attention', [q, k, k, float(g, 'm', 'B', 1, 'T', 'S')], { scale: 1 });
    },
    /k must broadcast to the leading dimensions of q/,
  ],
  'an odd head': [
    (g) => {
      const inputs = [
        float(g, 'x', 'B', 1, 'T', 5),
        integers(g, 'p', 'B', 'T'),
        float(g, 'c', 8, 2),
        float(g, 's', 8, 2),
      ];
      return g.apply('Rope', inputs, { inverse: false });
    },
    /cos must be \[M, D\/2\]/,
  ],
  'parts of a join': [
    (g) => g.concat([float(g, 'x', 2, 3), float(g, 'y', 2, 4)], 0, 4),
    /all dimensions but 0 must agree/,
  ],
  'the length of a join': [(g) => g.concat([float(g, 'x', 2, 3), float(g, 'y', 2, 3)], 0, 5), /do not add up to 5/],
  'the pieces of a cut': [(g) => g.split(float(g, 'x', 'N', 7), 1, [4, 2]), /pieces of axis 1 add up to 6/],
  'float indices': [(g) => g.gather(float(g, 't', 9, 2), float(g, 'i', 3)), /indices must be int64/],
  'a certain drop': [
    (g) => g.apply('DropoutMask', [float(g, 'x', 2), integers(g, 'seed')], { rate: 1, stream: 0 }),
    /rate 1 must lie between 0 and 1/,
  ],
};

describe('a shape that does not fit is refused while the graph is written', () => {
  for (const [name, [build, message]] of Object.entries(refusals))
    test(name, () => {
      expect(() => build(new GraphBuilder())).toThrow(message);
    });
});

test('the message names the part of the model and every operand', () => {
  const graph = new GraphBuilder();
  const [x, w] = [float(graph, 'hidden', 'B*T', 64), float(graph, 'model.layers.3.mlp.up_proj.weight', 128, 48)];
  expect(() => graph.scope('model.layers.3.mlp.up_proj', () => graph.matmul(x, w, { transB: true }))).toThrow(
    'MatMul in model.layers.3.mlp.up_proj: inner dimensions 64 and 48 differ (inputs: hidden float32[B*T, 64], model.layers.3.mlp.up_proj.weight float32[128, 48]).',
  );
});
