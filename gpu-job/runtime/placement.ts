import { DomainError, type Finding } from '../../shared/errors.ts';
import type { DType } from '../graph/dtype.ts';
import { onnxTypeOf, type OnnxModel, type OnnxNode } from '../graph/onnx.ts';
import { cudaKernels } from './cuda-kernels.ts';

/** A node and what a device must have a kernel for so that it can compute it: operator and types, such as `MatMul(bfloat16,bfloat16)`. */
export interface KernelNeed {
  readonly node: OnnxNode;
  readonly signature: string;
  /** Types of its inputs; `none`: it has none in that place. */
  readonly inputs: readonly string[];
}

/** Throws `DomainError('placement')` naming every node that the CUDA provider has no kernel for. */
export function refuseUnplaced(model: OnnxModel, kernels: ReadonlySet<string> = cudaKernels): void {
  const findings = kernelNeeds(model)
    .filter(({ signature }) => !kernels.has(signature))
    .map(({ node, signature }): Finding => {
      const message = `there is no kernel for ${signature}`;
      return { severity: 'error', code: 'placement', where: node.name, message };
    });
  if (findings.length === 0) return;
  const lines = findings.map(({ where, message }) => `  ${where}: ${message}`);
  throw new DomainError(
    'placement',
    ['The GPU cannot compute all of this graph, and nothing is left to the processor silently:', ...lines].join('\n'),
    { findings },
  );
}

/** What every node of a model needs, those in loops among them. */
export function kernelNeeds(model: OnnxModel): readonly KernelNeed[] {
  const known = [...model.initializers.map(({ tensor }) => tensor), ...model.inputs];
  return needsOf(model.nodes, new Map(known.map(({ name, dtype }) => [name, dtype])));
}

/** Learns the types of values on the way: `types` holds those of what the nodes read. */
function needsOf(nodes: readonly OnnxNode[], types: Map<string, DType>): KernelNeed[] {
  return nodes.flatMap((node) => {
    const body = bodyOf(node);
    const inside = body
      ? needsOf(body.nodes, new Map([...types, ...body.inputs.map(({ name, dtype }) => [name, dtype] as const)]))
      : [];
    const inputs = node.inputs.map((name) => (name === '' ? 'none' : (types.get(name) ?? 'unknown')));
    const outputs = outputTypes(node, inputs as DType[]);
    for (const [i, name] of node.outputs.entries()) types.set(name, outputs[i] ?? (outputs[0] as DType));
    return [...inside, { node, signature: signatureOf(node, inputs), inputs }];
  });
}

function signatureOf({ op, domain, attrs }: OnnxNode, inputs: readonly string[]): string {
  // of operators that take any number of values, all of one type, and of loops, whose values are all carried alike
  const shown = op === 'Concat' || op === 'Sum' ? inputs.slice(0, 1) : op === 'Loop' ? [] : inputs;
  const name = `${domain === '' ? '' : `${domain}.`}${op}`;
  const to = op === 'Cast' ? ` to ${onnxTypeOf(attrs['to'] as number)}` : '';
  const reduction = typeof attrs['reduction'] === 'string' ? ` ${attrs['reduction']}` : '';
  return `${name}(${shown.join(',')})${to}${reduction}`;
}

function outputTypes(node: OnnxNode, inputs: readonly DType[]): readonly DType[] {
  const body = bodyOf(node);
  if (body) return body.outputs.slice(1).map(({ dtype }) => dtype); // the first says whether it goes on
  switch (node.op) {
    case 'Cast':
      return [onnxTypeOf(node.attrs['to'] as number)];
    case 'Shape':
    case 'Size':
    case 'ArgMax':
      return ['int64'];
    case 'Equal':
    case 'GreaterOrEqual':
    case 'Less':
    case 'And':
    case 'Not':
      return ['bool'];
    case 'Where':
      return inputs.slice(1, 2);
    default:
      return inputs.slice(0, 1);
  }
}

function bodyOf({ attrs }: OnnxNode): Extract<OnnxNode['attrs'][string], { readonly nodes: unknown }> | undefined {
  const { body } = attrs;
  return typeof body === 'object' && 'nodes' in body ? body : undefined;
}
