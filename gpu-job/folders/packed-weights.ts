import { join } from 'node:path';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { shapeSize, type Dtype } from '../../shared/formats/dtype.ts';
import { parseQuantState, quantStateSuffix } from '../../shared/formats/bitsandbytes.ts';
import { blocksMethod } from '../../shared/formats/packing.ts';
import type { CheckpointTensor } from './checkpoint-tensor.ts';

type Tensors = ReadonlyMap<string, CheckpointTensor>;

/**
 * The tensors of a model as its architecture knows them: each packed matrix is one tensor of the matrix's shape, and what belongs to it is
 * gone from the list. Layouts that are not known are left as they are. Throws `DomainError('packed-weights')` with all findings.
 */
export async function packedTensors(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  tensors: Tensors,
): Promise<Tensors> {
  const { quant_method: method } = (config['quantization_config'] ?? {}) as { quant_method?: unknown };
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'packed-weights', where, message });
  const weights =
    method === blocksMethod
      ? blockWeights(tensors, refuse)
      : method === 'bitsandbytes'
        ? await nf4Weights(folder, tensors, refuse)
        : new Map<string, CheckpointTensor>();
  refuseErrors('packed-weights', `The packed weights in ${folder} cannot be read:`, findings);
  const parts = new Set([...weights.values()].flatMap(({ packed }) => packed?.parts.map(({ name }) => name) ?? []));
  return new Map(
    [...tensors]
      .filter(([name]) => weights.has(name) || (!parts.has(name) && !isPartOf(weights, name)))
      .map(([name, tensor]) => [name, weights.get(name) ?? tensor]),
  );
}

/** Whether a tensor goes with a packed one without being read: tables that are known, and descriptions. */
function isPartOf(weights: Tensors, name: string): boolean {
  const at = name.indexOf('.weight.');
  return at >= 0 && weights.has(name.slice(0, at + '.weight'.length));
}

type Refuse = (where: string, message: string) => void;

/** `X.weight` [out, blocks, bytes] U8 or I8, `X.weight.scales` [out, blocks], and `.zeros` or `.mins` of the same shape. */
function blockWeights(tensors: Tensors, refuse: Refuse): Map<string, CheckpointTensor> {
  const weights = new Map<string, CheckpointTensor>();
  for (const [name, codes] of tensors) {
    const scales = tensors.get(`${name}.scales`);
    if (!scales) continue;
    const [zeros, mins] = [tensors.get(`${name}.zeros`), tensors.get(`${name}.mins`)];
    const [out, blocks, bytes] = codes.shape;
    const bits = codes.dtype === 'U8' ? 4 : 8;
    if (out === undefined || blocks === undefined || bytes === undefined || !['U8', 'I8'].includes(codes.dtype)) {
      refuse(name, `${codes.dtype} [${codes.shape.join(', ')}] are no codes in blocks`);
      continue;
    }
    const perBlock = [scales, zeros, mins].filter((part) => part !== undefined);
    for (const part of perBlock)
      if (part.shape.join() !== `${out},${blocks}`) refuse(part.name, `must have one value for each block of ${name}`);
    if (!isFloat(scales.dtype) || (mins && !isFloat(mins.dtype))) refuse(name, 'scales and minima must be floats');
    if (zeros && zeros.dtype !== 'U8') refuse(zeros.name, 'zeros must be U8');
    if (perBlock.length > 2) refuse(name, 'has zeros as well as minima');
    if ((zeros || mins) && bits === 8) refuse(name, 'codes of 8 bits have neither zeros nor minima');
    const blockSize = bits === 4 ? bytes * 2 : bytes;
    const offset = zeros ? 'zeros' : mins ? 'mins' : bits === 4 ? 8 : 0;
    const packing = { kind: 'blocks', blockSize, bits, offset } as const;
    weights.set(name, { ...codes, shape: [out, blocks * blockSize], packed: { packing, parts: [codes, ...perBlock] } });
  }
  return weights;
}

/** What bitsandbytes writes, and transformers and PEFT read. */
async function nf4Weights(folder: string, tensors: Tensors, refuse: Refuse): Promise<Map<string, CheckpointTensor>> {
  const weights = new Map<string, CheckpointTensor>();
  for (const [stateName, stored] of tensors) {
    if (!stateName.endsWith(quantStateSuffix)) continue;
    const name = stateName.slice(0, -quantStateSuffix.length);
    const state = parseQuantState(await readPart(folder, stored));
    if (typeof state === 'string') {
      refuse(stateName, state);
      continue;
    }
    const { shape, packing } = state;
    const part = (suffix: string, size: number, ...dtypes: readonly Dtype[]): CheckpointTensor | undefined => {
      const found = tensors.get(`${name}${suffix}`);
      if (found && dtypes.includes(found.dtype) && shapeSize(found.shape) === size) return found;
      const is = found ? `is ${found.dtype} [${found.shape.join(', ')}]` : 'is missing';
      refuse(`${name}${suffix}`, `${is}; ${size} values of ${dtypes.join(' or ')} are needed`);
      return undefined;
    };
    const values = shapeSize(shape);
    if (values % packing.blockSize !== 0) {
      refuse(name, `its ${values} values are not whole blocks of ${packing.blockSize}`);
      continue;
    }
    const blocks = values / packing.blockSize;
    const { nested } = packing;
    const parts = [
      part('', values / 2, 'U8'),
      part('.absmax', blocks, nested ? 'U8' : 'F32'),
      ...(nested
        ? [part('.nested_absmax', Math.ceil(blocks / nested.blockSize), 'F32'), part('.nested_quant_map', 256, 'F32')]
        : []),
    ].filter((found) => found !== undefined);
    const [codes] = parts;
    if (codes && parts.length === (nested ? 4 : 2)) weights.set(name, { ...codes, shape, packed: { packing, parts } });
  }
  return weights;
}

async function readPart(folder: string, { file, offset, lengthBytes }: CheckpointTensor): Promise<Uint8Array> {
  const source = await openFileSource(join(folder, file));
  try {
    return await source.read(offset, lengthBytes);
  } finally {
    await source.close();
  }
}

const isFloat = (dtype: Dtype): boolean => dtype === 'F16' || dtype === 'BF16' || dtype === 'F32';
