import { writeFile } from 'node:fs/promises';
import { InferenceSession } from 'onnxruntime-node';
import type { DType } from '../../gpu-job/graph/dtype.ts';
import {
  encodeOnnx,
  onnxTypeCode,
  onnxTypeOf,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
} from '../../gpu-job/graph/onnx.ts';
import { cudaProvider } from '../../gpu-job/runtime/cuda-provider.ts';
import { switchTelemetryOff } from '../../gpu-job/runtime/no-telemetry.ts';
import { kernelNeeds } from '../../gpu-job/runtime/placement.ts';
import { withoutFallback } from '../../gpu-job/runtime/probe-device.ts';
import { placedModels } from './graphs.ts';

/*
 * Asks the CUDA provider which of the kernels that some graph needs it has, and writes `gpu-job/runtime/cuda-kernels.ts`. Run by `record.sh`,
 * which puts libraries without content in the place of CUDA's: the provider registers its kernels all the same.
 */

switchTelemetryOff();

/** What a graph of fewer float32 values would need. Recorded so that it is known which of it there is. */
const wished: readonly (readonly [op: string, types: readonly DType[], attrs?: OnnxNode['attrs']])[] = (
  ['float16', 'bfloat16'] as const
).flatMap((type) => [
  ...['LogSoftmax', 'Softmax', 'Log', 'Exp', 'Sqrt', 'Reciprocal', 'Sigmoid', 'Neg'].map((op) => [op, [type]] as const),
  ...['ReduceMean', 'ReduceMax', 'ReduceSum', 'ReduceSumSquare'].map((op) => [op, [type, 'int64']] as const),
  ...['Add', 'Mul', 'Equal', 'Less', 'GreaterOrEqual'].map((op) => [op, [type, type]] as const),
  ['Clip', [type, type, type]],
  ['Where', ['bool', type, type]],
  ['Transpose', [type]],
  ['Gelu', [type]],
  ['com.microsoft.QuickGelu', [type]],
  ['com.microsoft.RotaryEmbedding', [type, 'int64', type, type]],
  ['SimplifiedLayerNormalization', [type, type]],
  ['Slice', [type, 'int64', 'int64', 'int64']],
  ['Pad', [type, 'int64']],
  ['ScatterElements', [type, 'int64', type], { axis: 0, reduction: 'add' }],
  ['DequantizeLinear', ['uint8', type]],
]);

/** A graph of one node whose inputs are all fed. */
function probeModel(node: OnnxNode, types: readonly string[]): OnnxModel {
  const body = node.op === 'Loop' ? loopBody : undefined;
  const value = (name: string, type: string): OnnxValue => ({ name, dtype: type as DType }); // of `kernelNeeds`
  const inputs = node.inputs.map((name, i) => (name === '' ? '' : `in ${i}`));
  const attrs = body ? { body } : node.attrs;
  const own = body ? { ...node, inputs: ['in 0', '', 'in 2'], outputs: ['out 0'], attrs } : { ...node, inputs };
  const outputs = own.outputs.map((_, i) => `out ${i}`);
  const fed = body
    ? [value('in 0', 'int64'), value('in 2', 'float32')]
    : inputs.flatMap((name, i) => (name === '' ? [] : [value(name, types[i] ?? 'float32')]));
  const made = outputs.map((name) => value(name, outputType(node, types)));
  return withFloatBorders({
    nodes: [{ ...own, name: 'probe', outputs }],
    initializers: [],
    inputs: fed,
    outputs: made,
  });
}

/** What may not cross the border of a graph is cast there. */
function withFloatBorders(model: OnnxModel): OnnxModel {
  const cast = (from: string, into: string, to: DType): OnnxNode => ({
    op: 'Cast',
    domain: '',
    name: `cast of ${from}`,
    inputs: [from],
    outputs: [into],
    attrs: { to: onnxTypeCode(to) },
  });
  const isShort = ({ dtype }: OnnxValue): boolean => dtype === 'bfloat16';
  const border = (value: OnnxValue): OnnxValue =>
    isShort(value) ? { name: `wide ${value.name}`, dtype: 'float32' } : value;
  const before = model.inputs.filter(isShort).map(({ name, dtype }) => cast(`wide ${name}`, name, dtype));
  const after = model.outputs.filter(isShort).map(({ name }) => cast(name, `wide ${name}`, 'float32'));
  const [inputs, outputs] = [model.inputs, model.outputs].map((values) => values.map(border)) as [
    OnnxValue[],
    OnnxValue[],
  ];
  return { ...model, nodes: [...before, ...model.nodes, ...after], inputs, outputs };
}

const loopBody = {
  nodes: [
    { op: 'Identity', domain: '', name: 'still', inputs: ['goes on'], outputs: ['still'], attrs: {} },
    { op: 'Identity', domain: '', name: 'kept', inputs: ['carried'], outputs: ['kept'], attrs: {} },
  ],
  inputs: [
    { name: 'round', dtype: 'int64', dims: [] },
    { name: 'goes on', dtype: 'bool', dims: [] },
    { name: 'carried', dtype: 'float32' },
  ],
  outputs: [
    { name: 'still', dtype: 'bool', dims: [] },
    { name: 'kept', dtype: 'float32' },
  ],
} as const;

function outputType(node: OnnxNode, types: readonly string[]): DType {
  if (node.op === 'Loop') return 'float32'; // of what its body carries
  if (node.op === 'Cast') return onnxTypeOf(node.attrs['to'] as number);
  if (['Shape', 'Size', 'ArgMax'].includes(node.op)) return 'int64';
  if (['Equal', 'GreaterOrEqual', 'Less', 'And', 'Not'].includes(node.op)) return 'bool';
  if (node.op === 'DequantizeLinear') return types[1] as DType; // that of its scales
  return (node.op === 'Where' ? types[1] : types[0]) as DType; // of `kernelNeeds`
}

/** Whether the provider takes every node. Other errors are faults of the question. */
async function isPlaced(model: OnnxModel): Promise<boolean> {
  try {
    const session = await InferenceSession.create(encodeOnnx(model), {
      executionProviders: [{ name: 'cuda', deviceId: 0 }],
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
      extra: { session: withoutFallback },
    });
    await session.release();
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // there is no kernel of the CPU to fall back to either
    if (
      /fallback to CPU EP has been explicitly disabled|Could not find an implementation|Provider type for .* is not set/.test(
        message,
      )
    )
      return false;
    throw error;
  }
}

async function record(): Promise<void> {
  const [kernels, lacking] = [new Set<string>(), new Set<string>()];
  const probe = async (signature: string, node: OnnxNode, types: readonly string[]): Promise<void> => {
    if (kernels.has(signature) || lacking.has(signature)) return;
    ((await isPlaced(probeModel(node, types))) ? kernels : lacking).add(signature);
  };
  for (const { model } of placedModels())
    for (const { node, signature, inputs } of kernelNeeds(model)) await probe(signature, node, inputs);
  const needed = lacking.size;
  for (const [name, types, attrs = {}] of wished) {
    const [domain, op] = name.startsWith('com.microsoft.')
      ? (['com.microsoft', name.slice(14)] as const)
      : (['', name] as const);
    const inputs = types.map((_, i) => `in ${i}`);
    const outputs = ['out'];
    const node = { op, domain, name: 'probe', inputs, outputs, attrs };
    const model = probeModel(node, types);
    for (const { signature } of kernelNeeds(model)) await probe(signature, node, types);
  }

  const list = (names: ReadonlySet<string>): string =>
    [...names]
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((name) => `  '${name}',`)
      .join('\n');
  await writeFile(
    'gpu-job/runtime/cuda-kernels.ts',
    `/** The CUDA provider that was asked. Written by test/placement/record.sh. */
export const recordedProvider = '${cudaProvider.version}';

/** Kernels that it was seen to have, by what a node needs. */
export const cudaKernels: ReadonlySet<string> = new Set([
${list(kernels)}
]);

/** What it was seen not to have, of that which was asked. */
export const lackingCudaKernels: ReadonlySet<string> = new Set([
${list(lacking)}
]);
`,
  );
  process.stdout.write(`${kernels.size} kernels, ${lacking.size} that there are not, ${needed} of them needed\n`);
  process.exitCode = needed === 0 ? 0 : 1;
}

await record();
