import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { invariant } from '../../shared/errors.ts';
import type { Dims } from './dims.ts';
import type { DType } from './dtype.ts';
import type { Constant } from './tensor.ts';

/** An attribute value: an integer, `{ float }`, a string, a list of integers, or a graph inside the node. */
export type OnnxAttribute = number | { readonly float: number } | string | readonly number[] | OnnxBody;

/** A graph that a node runs; it sees the values around the node. */
export interface OnnxBody {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A value at the border of a body. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  /** Absent: not told. */
  readonly dims?: Dims;
}

export interface OnnxNode {
  readonly op: string;
  readonly domain: '' | 'com.microsoft';
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Constant[];
  readonly inputs: readonly OnnxValue[];
  /** Graph outputs; their names must be produced by nodes. */
  readonly outputs: readonly OnnxValue[];
}

/** Opset 21 and IR 10: what onnxruntime 1.20 and later read, with the contrib operators of `com.microsoft`. */
const opset = 21;
const irVersion = 10;

/** TensorProto.DataType. */
const dataTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** Serialises a ModelProto. Field numbers are those of onnx.proto (ONNX 1.16). */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(irVersion);
  writer.tag(2, WireType.LengthDelimited).string('lorary');
  message(writer, 7, (graph) => {
    for (const node of model.nodes) message(graph, 1, (w) => writeNode(w, node));
    graph.tag(2, WireType.LengthDelimited).string('graph');
    for (const constant of model.initializers) message(graph, 5, (w) => writeInitializer(w, constant));
    for (const input of model.inputs) message(graph, 11, (w) => writeValueInfo(w, input));
    for (const output of model.outputs) message(graph, 12, (w) => writeValueInfo(w, output));
  });
  for (const [domain, version] of [
    ['', opset],
    ['com.microsoft', 1],
  ] as const)
    message(writer, 8, (w) => {
      w.tag(1, WireType.LengthDelimited).string(domain);
      w.tag(2, WireType.Varint).int64(version);
    });
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function writeNode(w: BinaryWriter, node: OnnxNode): void {
  for (const name of node.inputs) w.tag(1, WireType.LengthDelimited).string(name);
  for (const name of node.outputs) w.tag(2, WireType.LengthDelimited).string(name);
  w.tag(3, WireType.LengthDelimited).string(node.name);
  w.tag(4, WireType.LengthDelimited).string(node.op);
  for (const [name, value] of Object.entries(node.attrs)) message(w, 5, (inner) => writeAttribute(inner, name, value));
  if (node.domain) w.tag(7, WireType.LengthDelimited).string(node.domain);
}

function writeAttribute(w: BinaryWriter, name: string, value: OnnxAttribute): void {
  w.tag(1, WireType.LengthDelimited).string(name);
  const type = (code: number): unknown => w.tag(20, WireType.Varint).int32(code);
  if (typeof value === 'number') {
    w.tag(3, WireType.Varint).int64(value);
    type(2);
  } else if (typeof value === 'string') {
    w.tag(4, WireType.LengthDelimited).bytes(new TextEncoder().encode(value));
    type(3);
  } else if ('float' in value) {
    w.tag(2, WireType.Bit32).float(value.float);
    type(1);
  } else if ('nodes' in value) {
    message(w, 6, (graph) => writeBody(graph, value));
    type(5);
  } else {
    for (const item of value) w.tag(8, WireType.Varint).int64(item);
    type(7);
  }
}

function writeBody(w: BinaryWriter, { nodes, inputs, outputs }: OnnxBody): void {
  for (const node of nodes) message(w, 1, (inner) => writeNode(inner, node));
  w.tag(2, WireType.LengthDelimited).string('body');
  for (const input of inputs) message(w, 11, (inner) => writeValueInfo(inner, input));
  for (const output of outputs) message(w, 12, (inner) => writeValueInfo(inner, output));
}

function writeInitializer(w: BinaryWriter, { tensor, data }: Constant): void {
  for (const dim of tensor.dims) w.tag(1, WireType.Varint).int64(dim); // constants have numeric shapes
  w.tag(2, WireType.Varint).int32(dataTypes[tensor.dtype]);
  w.tag(8, WireType.LengthDelimited).string(tensor.name);
  if ('raw' in data) {
    w.tag(9, WireType.LengthDelimited).bytes(data.raw);
    return;
  }
  const { location, offset, lengthBytes } = data.external;
  for (const [key, value] of [
    ['location', location],
    ['offset', `${offset}`],
    ['length', `${lengthBytes}`],
  ] as const)
    message(w, 13, (entry) => {
      entry.tag(1, WireType.LengthDelimited).string(key);
      entry.tag(2, WireType.LengthDelimited).string(value);
    });
  w.tag(14, WireType.Varint).int32(1); // data_location = EXTERNAL
}

function writeValueInfo(w: BinaryWriter, { name, dtype, dims }: OnnxValue): void {
  w.tag(1, WireType.LengthDelimited).string(name);
  message(w, 2, (type) =>
    message(type, 1, (tensorType) => {
      tensorType.tag(1, WireType.Varint).int32(dataTypes[dtype]);
      if (!dims) return;
      message(tensorType, 2, (shape) => {
        for (const dim of dims)
          message(shape, 1, (d) => {
            if (typeof dim === 'number') d.tag(1, WireType.Varint).int64(dim);
            else d.tag(2, WireType.LengthDelimited).string(dim);
          });
      });
    }),
  );
}

export const onnxTypeCode = (dtype: DType): number => dataTypes[dtype];

export function onnxTypeOf(code: number): DType {
  const found = (Object.keys(dataTypes) as DType[]).find((dtype) => dataTypes[dtype] === code); // its own keys
  invariant(found, `${code} is a type of some tensor`);
  return found;
}
