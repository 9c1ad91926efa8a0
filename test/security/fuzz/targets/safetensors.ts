import { DomainError } from '../../../../shared/errors.ts';
import { bytesSource } from '../../../../shared/formats/bytes.ts';
import { readSafetensorsHeader } from '../../../../shared/formats/safetensors-read.ts';
import { damageBytes } from '../damage-bytes.ts';
import { damageJson, jsonBytes, type Json } from '../damage-json.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

const bytesOf: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8, I64: 8, I32: 4, U8: 1, BOOL: 1 };

export const safetensorsTarget: FuzzTarget = {
  name: 'safetensors',
  input,
  async read(bytes) {
    await readSafetensorsHeader(bytesSource(bytes));
    judge(bytes);
  },
  planted: {
    fault: 'ranges that are not held against each other',
    async read(bytes) {
      try {
        await readSafetensorsHeader(bytesSource(bytes));
      } catch (error) {
        const lost = ['overlap', 'hole', 'trailing-data'];
        if (!(error instanceof DomainError) || !error.findings.every(({ code }) => lost.includes(code))) throw error;
      }
      judge(bytes);
    },
  },
};

function input(random: FuzzRandom): Uint8Array {
  let end = 0;
  const ranges: [number, number][] = [];
  const entries = random.several(0, 6, (at) => {
    const dtype = random.pick(Object.keys(bytesOf));
    const shape = random.several(0, 3, () => random.below(5));
    const begin = end;
    end += (bytesOf[dtype] ?? 0) * shape.reduce((product, size) => product * size, 1);
    const range: [number, number] = [begin, end];
    ranges.push(range);
    return [`layers.${at}.${random.pick(['q_proj', 'weight', 'é', '\u0000'])}`, { dtype, shape, data_offsets: range }];
  });
  if (ranges.length > 1 && random.chance(0.15)) {
    const range = random.pick(ranges);
    const by = random.pick([-8, -4, -1, 1, 4, range[1] - range[0], -range[0]]);
    [range[0], range[1]] = [range[0] + by, range[1] + by];
  }
  let header = Object.fromEntries(entries) as Json;
  if (random.chance(0.5)) header = { __metadata__: { format: 'pt' }, ...(header as object) };
  if (random.chance(0.4)) for (let i = 1 + random.below(3); i > 0; i--) header = damageJson(random, header);
  const json = jsonBytes(random, header);
  const padding = random.chance(0.5) ? (8 - (json.length % 8)) % 8 : 0;
  const dataBytes = Math.max(0, end + (random.chance(0.05) ? random.pick([-1, 1, 8]) : 0));
  const bytes = new Uint8Array(8 + json.length + padding + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length + padding), true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + json.length + padding);
  return random.chance(0.1) ? damageBytes(random, bytes) : bytes;
}

/** What was taken must describe every byte behind the header exactly once, read in the plainest way there is. */
function judge(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, dataStart))) as Record<string, unknown>;
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([, entry]) => entry as { dtype: string; shape: number[]; data_offsets: [number, number] })
    .toSorted((a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]);
  let at = 0;
  for (const { dtype, shape, data_offsets: range } of tensors) {
    if (range[0] !== at) throw new Unsound(`a tensor begins at ${range[0]}, where ${at} is due`);
    const each = bytesOf[dtype];
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (each !== undefined && range[1] - range[0] !== each * size) throw new Unsound(`${dtype} [${shape.join()}]`);
    at = range[1];
  }
  if (dataStart + at !== bytes.length) throw new Unsound(`${bytes.length - dataStart - at} bytes are no tensor's`);
}
