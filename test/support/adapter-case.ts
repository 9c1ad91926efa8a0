/** Adapters of two modules, as a case changes them, and what the validator says of them. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { adapterValidationSchema, type AdapterValidation } from '../../shared/contract/adapter-validation.ts';
import { validateAdapter } from '../../shared/validation/validate-adapter.ts';
import { factors, memoryFiles, safetensorsBytes, sha256, type MemoryTensors } from './memory-adapter.ts';

export const Q = 'model.layers.0.self_attn.q_proj';
export const UP = 'model.layers.0.mlp.up_proj';
export const base = [
  { name: 'model.embed_tokens.weight', shape: [12, 6], dtype: 'F32' as const },
  { name: 'model.norm.weight', shape: [6], dtype: 'F32' as const },
  { name: `${Q}.weight`, shape: [6, 6], dtype: 'F32' as const },
  { name: `${UP}.weight`, shape: [10, 6], dtype: 'F32' as const },
];
export const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj', 'up_proj'] };
export const healthy = { ...factors(Q, 2, 6, 6), ...factors(UP, 2, 6, 10) };
export const A = (module: string): string => `base_model.model.${module}.lora_A.weight`;
export const B = (module: string): string => `base_model.model.${module}.lora_B.weight`;
export const weightsFile = 'adapter_model.safetensors';

export interface AdapterCase {
  readonly config?: unknown;
  readonly tensors?: MemoryTensors;
  /** Bytes of the weights file instead of tensors, made of those of a healthy one. */
  readonly bytes?: (healthy: Uint8Array) => Uint8Array | undefined;
  readonly names?: readonly string[];
  readonly base?: readonly { name: string; shape: number[]; dtype?: 'F32' | 'U8' }[] | null;
}

/** Codes that the page of findings explains. */
export function explainedCodes(): readonly string[] {
  const page = readFileSync(new URL('../../docs/validation.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell = '']) =>
    cell.split(', ').map((code) => code.replaceAll('`', '')),
  );
}

const explained = explainedCodes();

/** The validator's result; every finding of it is one that is explained, and all of it may be sent as JSON. */
export async function check(given: AdapterCase = {}): Promise<AdapterValidation> {
  const written = await safetensorsBytes(given.tensors ?? healthy);
  const weights = given.bytes ? given.bytes(written) : written;
  const files = memoryFiles('config' in given ? given.config : config, weights, given.names);
  const result = await validateAdapter(files, {
    newHash: sha256,
    ...(given.base === null ? {} : { baseTensors: given.base ?? base }),
  });
  expect(explained).toEqual(expect.arrayContaining(result.findings.map(({ code }) => code)));
  expect(adapterValidationSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  return result;
}

export const told = ({ findings }: AdapterValidation, severity: string): string[] =>
  findings
    .filter((finding) => finding.severity === severity)
    .map(({ code, where }) => (where === undefined ? code : `${code} ${where}`));

/** The same file with more spaces in its header: the data then begins at any alignment. */
export function oddly(all: Uint8Array, headerBytes?: number): Uint8Array {
  const length = Number(new DataView(all.buffer, all.byteOffset).getBigUint64(0, true));
  const wanted = headerBytes ?? length + 3;
  const odd = new Uint8Array(all.length + wanted - length).fill(0x20);
  odd.set(all.subarray(0, 8 + length));
  odd.set(all.subarray(8 + length), 8 + wanted);
  new DataView(odd.buffer).setBigUint64(0, BigInt(wanted), true);
  return odd;
}
