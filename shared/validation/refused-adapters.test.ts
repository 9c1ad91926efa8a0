import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  base,
  check,
  config,
  healthy,
  oddly,
  Q,
  told,
  UP,
  weightsFile,
  type AdapterCase,
} from '../../test/support/adapter-case.ts';
import { factors, type MemoryTensors } from '../../test/support/memory-adapter.ts';
import { limits } from '../limits.ts';

const without = (...names: string[]): MemoryTensors =>
  Object.fromEntries(Object.entries(healthy).filter(([name]) => !names.includes(name)));
const renamed = (change: (name: string) => string): MemoryTensors =>
  Object.fromEntries(Object.entries(healthy).map(([name, tensor]) => [change(name), tensor]));
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
/** A file with a header written by hand. */
function raw(header: unknown, dataBytes: number): Uint8Array {
  const json = text(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const entry = (from: number, to: number, shape = [1, (to - from) / 4], dtype = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

describe('refuses', () => {
  test.each<[string, AdapterCase, string[]]>([
    ['a file cut short', { bytes: (all) => all.slice(0, -1) }, [`truncated ${weightsFile}`]],
    ['a file of seven bytes', { bytes: () => text('1234567') }, [`too-short ${weightsFile}`]],
    ['a header that is no JSON', { bytes: () => raw('x', 0).with(8, 0x7b) }, [`header-not-json ${weightsFile}`]],
    [
      'overlapping tensors',
      { bytes: () => raw({ a: entry(0, 8), b: entry(4, 12) }, 12) },
      [`overlap ${weightsFile} "b"`],
    ],
    [
      'a hole between tensors',
      { bytes: () => raw({ a: entry(0, 4), b: entry(8, 12) }, 12) },
      [`hole ${weightsFile} "b"`],
    ],
    ['bytes after the tensors', { bytes: () => raw({ a: entry(0, 4) }, 8) }, [`trailing-data ${weightsFile}`]],
    [
      'an unknown dtype',
      { bytes: () => raw({ a: entry(0, 4, [1, 1], 'F31') }, 4) },
      [`unknown-dtype ${weightsFile} "a"`],
    ],
    [
      'a dtype without floats',
      { tensors: { ...healthy, [A(Q)]: { shape: [2, 6], dtype: 'I8' } } },
      [`unusable-dtype ${A(Q)}`],
    ],
    [
      'a pickle under the name of a safetensors file',
      { bytes: () => text(`PK\x03\x04${'\0'.repeat(60)}`) },
      [`foreign-format ${weightsFile}`],
    ],
    ['a pickle alone', { bytes: () => undefined, names: ['adapter_model.bin'] }, ['pickle adapter_model.bin']],
    ['a pickle beside the weights', { names: ['training_args.bin'] }, ['pickle training_args.bin']],
    ['two weights files', { names: ['model.safetensors'] }, ['several-weights model.safetensors']],
    [
      'weights under another name',
      { bytes: () => undefined, names: ['lora.safetensors'] },
      [`weights-missing ${weightsFile}`],
    ],
    [
      'files of something else',
      { names: ['run.py', 'checkpoint-1/README.md'] },
      ['foreign-file run.py', 'foreign-file checkpoint-1/README.md'],
    ],
    [
      'nothing at all',
      { config: undefined, bytes: () => undefined },
      ['config-missing adapter_config.json', `weights-missing ${weightsFile}`],
    ],
    [
      'a whole model',
      { config: undefined, bytes: () => undefined, names: ['config.json', 'model.safetensors'] },
      ['base-given config.json', `weights-missing ${weightsFile}`],
    ],
    ['a config that is no JSON', { config: '{"r":' }, ['config-not-json adapter_config.json']],
    ['a config that is no object', { config: '[]' }, ['config adapter_config.json']],
    ['a config without a type', { config: { ...config, peft_type: undefined } }, ['config peft_type']],
    ['a type in lower case', { config: { ...config, peft_type: 'lora' } }, ['config peft_type']],
    [
      'wrong values in the config, all of them',
      { config: { ...config, r: 0, lora_alpha: 0, bias: 'some' } },
      ['lora-config r', 'lora-config lora_alpha', 'lora-config bias'],
    ],
    [
      'no target at all',
      { config: { ...config, target_modules: [] } },
      ['lora-config target_modules', `not-targeted ${Q}`, `not-targeted ${UP}`, `no-effect ${weightsFile}`],
    ],
    ['a malformed pattern', { config: { ...config, target_modules: '(q_proj' } }, ['lora-config target_modules']],
    [
      'a base of another size',
      { base: base.map((tensor) => ({ ...tensor, shape: tensor.shape.map((size) => 2 * size) })) },
      [`base-size-mismatch ${Q}`, `base-size-mismatch ${UP}`, `no-effect ${weightsFile}`],
    ],
    [
      'a missing prefix',
      { tensors: renamed((name) => name.replace('model.model.', 'model.')) },
      ['wrong-prefix layers.0.mlp.up_proj', `no-effect ${weightsFile}`],
    ],
    [
      'a wrong prefix',
      { tensors: renamed((name) => name.replace('model.layers', 'language_model.layers')) },
      ['wrong-prefix language_model.layers.0.mlp.up_proj', `no-effect ${weightsFile}`],
    ],
    [
      'names of another architecture',
      { tensors: factors('transformer.h.0.q_proj', 2, 6, 6) },
      ['no-such-module transformer.h.0.q_proj', `no-effect ${weightsFile}`],
    ],
    [
      "names without PEFT's own prefix",
      { tensors: renamed((name) => name.replace('base_model.model.', '')) },
      [
        ...Object.keys(healthy).map((name) => `no-prefix ${name.replace('base_model.model.', '')}`),
        `no-modules ${weightsFile}`,
      ].toSorted(),
    ],
    [
      "names as in PEFT's memory",
      { tensors: { ...healthy, [`base_model.model.${Q}.lora_A.default.weight`]: { shape: [2, 6] } } },
      [`named-adapter base_model.model.${Q}.lora_A.default.weight`],
    ],
    ['a missing partner', { tensors: without(B(Q)) }, [`missing-partner ${A(Q)}`]],
    ['a rank that is not the config’s', { config: { ...config, rank_pattern: { q_proj: 3 } } }, [`rank-mismatch ${Q}`]],
    ['factors of different ranks', { tensors: { ...healthy, [B(Q)]: { shape: [6, 3] } } }, [`rank-disagreement ${Q}`]],
    ['a factor that is no matrix', { tensors: { ...healthy, [B(Q)]: { shape: [12] } } }, [`bad-shape ${B(Q)}`]],
    [
      'NaN and infinity',
      {
        tensors: {
          ...healthy,
          [A(Q)]: { shape: [2, 6], values: [0, Number.NaN, ...Array<number>(10).fill(1)] },
          [B(UP)]: { shape: [10, 2], dtype: 'BF16', values: Array<number>(20).fill(-Infinity) },
        },
      },
      [`not-finite ${A(Q)}`, `not-finite ${B(UP)}`],
    ],
    [
      'B zero everywhere',
      {
        tensors: {
          ...healthy,
          [B(Q)]: { shape: [6, 2], values: Array<number>(12).fill(0) },
          [B(UP)]: { shape: [10, 2], values: Array<number>(20).fill(-0) },
        },
      },
      [`all-zero ${weightsFile}`],
    ],
    [
      'magnitudes that the config does not ask for',
      { tensors: { ...healthy, [`base_model.model.${Q}.lora_magnitude_vector`]: { shape: [6] } } },
      [`unexpected-tensor base_model.model.${Q}.lora_magnitude_vector`],
    ],
    [
      'missing magnitudes',
      { config: { ...config, use_dora: true } },
      [`missing-partner ${A(Q)}`, `missing-partner ${A(UP)}`],
    ],
    [
      'zeros in a method that is not LoRA',
      { config: { peft_type: 'LOHA' }, tensors: { a: { shape: [2], values: [0, 0] } } },
      [`all-zero ${weightsFile}`],
    ],
  ])('%s', async (_, given, expected) => {
    const result = await check(given);
    expect(told(result, 'error').toSorted()).toEqual(expected.toSorted());
    expect(result.ok).toBe(false);
    expect(result.usable.merge).toEqual({ possible: false, why: ['it has errors'] });
  });

  test('everything at once, config, names, values and base', async () => {
    const result = await check({
      config: { ...config, lora_dropout: 2 },
      names: ['a.pt'],
      tensors: { ...without(B(Q)), [A(UP)]: { shape: [2, 6], values: Array<number>(12).fill(Number.NaN) } },
    });
    expect(told(result, 'error')).toEqual([
      'pickle a.pt',
      'lora-config lora_dropout',
      `missing-partner ${A(Q)}`,
      `not-finite ${A(UP)}`,
    ]);
  });

  test('a config one byte past the limit, and takes one at the limit', async () => {
    const padded = (bytes: number): string => JSON.stringify(config).padEnd(bytes, ' ');
    expect(told(await check({ config: padded(limits.adapterConfigBytesMax + 1) }), 'error')).toEqual([
      'config-too-large adapter_config.json',
    ]);
    expect((await check({ config: padded(limits.adapterConfigBytesMax) })).ok).toBe(true);
  });

  test('more files than the limit, and takes as many as the limit', async () => {
    const names = Array.from({ length: limits.adapterFilesMax - 2 }, (_, i) => `${i}.json`);
    expect((await check({ names })).ok).toBe(true);
    expect(told(await check({ names: [...names, 'x.json'] }), 'error')).toEqual(['too-many-files files']);
  });

  test('a header one byte past the limit, and takes one at the limit', async () => {
    const padded = (headerBytes: number) => (all: Uint8Array) => oddly(all, headerBytes);
    const result = await check({ bytes: padded(limits.adapterHeaderBytesMax + 1) });
    expect(told(result, 'error')).toEqual([`header-too-large ${weightsFile}`]);
    expect((await check({ bytes: padded(limits.adapterHeaderBytesMax) })).ok).toBe(true);
  });

  test('listing the first findings of a kind and counting the others', async () => {
    const many = Object.assign(
      {},
      ...Array.from({ length: limits.validationFindingsMax + 3 }, (_, i) => factors(`x.${i}.y`, 2, 6, 6)),
    ) as MemoryTensors;
    const { findings } = await check({ tensors: many, config: { ...config, target_modules: ['y'] } });
    const strangers = findings.filter(({ code }) => code === 'no-such-module');
    expect(strangers).toHaveLength(limits.validationFindingsMax + 1);
    expect(strangers.at(-1)?.message).toBe('and 3 more of this kind');
  });
});
