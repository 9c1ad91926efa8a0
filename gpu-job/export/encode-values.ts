import { DomainError } from '../../shared/errors.ts';
import { ggufLargest, quantizeGguf, type GgufWrittenType } from '../../shared/formats/gguf-quantize.ts';

/** Encodes values for GGUF. Throws `DomainError('export-values')` where one would not stay finite. */
export function encodeValues(name: string, type: GgufWrittenType, values: Float32Array): Uint8Array {
  const largest = ggufLargest[type];
  const at = values.findIndex((value) => !(Math.abs(value) <= largest));
  if (at < 0) return quantizeGguf(type, values);
  const message = `value ${at} is ${values[at]}, which cannot be stored as ${type.toLowerCase()}; choose f32 or bf16`;
  throw new DomainError('export-values', `${name}: ${message}.`, {
    findings: [{ severity: 'error', code: 'export-values', where: name, message }],
  });
}

/** Storage types by their names in a spec. */
export const storedTypes = { f32: 'F32', f16: 'F16', bf16: 'BF16', q8_0: 'Q8_0' } as const satisfies Record<
  string,
  GgufWrittenType
>;
