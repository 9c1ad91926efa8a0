import type { Finding } from '../errors.ts';
import type { GgufValue } from './gguf-types.ts';

/** Reads typed values out of GGUF metadata; whatever is missing or of another type becomes a finding and a harmless stand-in. */
export interface GgufMetadataReader {
  has(key: string): boolean;
  positiveInteger(key: string, fallback?: number): number;
  positiveNumber(key: string, fallback?: number): number;
  optionalText(key: string): string | undefined;
  optionalInteger(key: string): number | undefined;
  optionalFlag(key: string): boolean | undefined;
  texts(key: string): readonly string[];
  optionalIntegers(key: string): readonly number[] | undefined;
  refuse(where: string, message: string): void;
}

export function ggufMetadataReader(metadata: ReadonlyMap<string, GgufValue>, findings: Finding[]): GgufMetadataReader {
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'gguf-metadata', where, message });
  const read = <T>(key: string, is: (value: GgufValue) => value is GgufValue & T, what: string): T | undefined => {
    const value = metadata.get(key);
    if (value === undefined || is(value)) return value;
    refuse(key, `it is not ${what}`);
    return undefined;
  };
  const required = <T>(key: string, value: T | undefined, fallback: T | undefined, standIn: T): T => {
    if (value !== undefined) return value;
    if (fallback !== undefined) return fallback;
    if (!metadata.has(key)) refuse(key, 'this metadata key is missing');
    return standIn;
  };
  return {
    refuse,
    has: (key) => metadata.has(key),
    positiveInteger: (key, fallback) =>
      required(key, read(key, isPositiveInteger, 'a positive whole number'), fallback, 1),
    positiveNumber: (key, fallback) => required(key, read(key, isPositiveNumber, 'a positive number'), fallback, 1),
    optionalText: (key) => read(key, isText, 'text'),
    optionalInteger: (key) => read(key, isCount, 'a whole number'),
    optionalFlag: (key) => read(key, isFlag, 'true or false'),
    texts: (key) => required(key, read(key, isTexts, 'a list of texts'), undefined, []),
    optionalIntegers: (key) => read(key, isIntegers, 'a list of whole numbers'),
  };
}

/** The shortest decimal that a 32-bit float rounds from: 0.000009999999747378752 is stored 1e-5. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function isCount(value: GgufValue): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPositiveInteger(value: GgufValue): value is number {
  return isCount(value) && value > 0;
}

function isPositiveNumber(value: GgufValue): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isText(value: GgufValue): value is string {
  return typeof value === 'string';
}

function isFlag(value: GgufValue): value is boolean {
  return typeof value === 'boolean';
}

function isTexts(value: GgufValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isIntegers(value: GgufValue): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item));
}
