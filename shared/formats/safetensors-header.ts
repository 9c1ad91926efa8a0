import { DomainError, refuseErrors, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { dtypeBits, isDtype, type Dtype } from './dtype.ts';
import { duplicateJsonKeys } from './duplicate-json-keys.ts';

/** Where one tensor lies in its file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the beginning of the file, in bytes; any alignment. */
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their data in the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Where the data begins, from the beginning of the file, in bytes. */
  readonly dataOffset: number;
}

/** Bytes before the JSON: its length, a little-endian unsigned 64-bit integer. */
export const safetensorsPrefixBytes = 8;

const METADATA_KEY = '__metadata__';

/**
 * Parses the JSON header of a safetensors file of `fileSizeBytes` and checks every rule of the format.
 * `headerJson` is exactly the bytes between the length prefix and the data. Throws
 * `DomainError('safetensors-malformed')` with all findings. Source: github.com/huggingface/safetensors, README "Format".
 */
export function parseSafetensorsHeader(
  headerJson: Uint8Array,
  fileSizeBytes: number,
  fileName = 'The file',
): SafetensorsHeader {
  const root = parseJsonObject(headerJson, fileName);
  const findings: Finding[] = root.duplicates.map((path) => ({
    severity: 'error',
    code: 'duplicate-key',
    message: `the key ${path.map((key) => JSON.stringify(key)).join(' > ')} appears more than once in the header`,
  }));
  const dataOffset = safetensorsPrefixBytes + headerJson.byteLength;
  let metadata: Record<string, string> = {};
  const entries: TensorEntry[] = [];
  let rangesKnown = true;
  for (const [name, value] of Object.entries(root.value)) {
    if (name === METADATA_KEY) metadata = parseMetadata(value, findings);
    else {
      const parsed = parseEntry(name, value, dataOffset, findings);
      if (parsed) entries.push(parsed);
      else rangesKnown = false;
    }
  }
  entries.sort((a, b) => a.offset - b.offset || a.lengthBytes - b.lengthBytes);
  findings.push(...checkCoverage(entries, dataOffset, fileSizeBytes, rangesKnown));
  refuseErrors('safetensors-malformed', `${fileName} is not a well-formed safetensors file:`, findings);
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])), dataOffset };
}

/** The error for a file whose findings end before there is a header to look into. */
export function malformedSafetensors(fileName: string, code: string, message: string): DomainError {
  return new DomainError('safetensors-malformed', `${fileName} is not a well-formed safetensors file: ${message}`, {
    findings: [{ severity: 'error', code, message }],
  });
}

function parseJsonObject(
  bytes: Uint8Array,
  fileName: string,
): { value: Record<string, unknown>; duplicates: string[][] } {
  if (bytes.byteLength > limits.safetensorsHeaderBytesMax)
    throw malformedSafetensors(fileName, 'header-too-large', headerTooLargeMessage(bytes.byteLength));
  if (bytes[0] !== 0x7b) throw malformedSafetensors(fileName, 'header-start', 'its header does not begin with "{"');
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformedSafetensors(fileName, 'header-not-utf8', 'its header is not valid UTF-8');
  }
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : '';
    throw malformedSafetensors(fileName, 'header-not-json', `its header is not valid JSON (${reason})`);
  }
  // Text that begins with "{" and is valid JSON is an object.
  return { value: value as Record<string, unknown>, duplicates: duplicateJsonKeys(text) };
}

/** What to say about a header of `lengthBytes`, more than the limit. */
export function headerTooLargeMessage(
  lengthBytes: number | bigint,
  bytesMax: number = limits.safetensorsHeaderBytesMax,
): string {
  return `its header claims ${lengthBytes} bytes; at most ${bytesMax} are allowed`;
}

function parseMetadata(value: unknown, findings: Finding[]): Record<string, string> {
  const error = (message: string): void => void findings.push({ severity: 'error', code: 'metadata', message });
  if (!isObject(value)) {
    error(`${METADATA_KEY} is not an object`);
    return {};
  }
  for (const [key, item] of Object.entries(value))
    if (typeof item !== 'string') error(`${METADATA_KEY}: the value of ${JSON.stringify(key)} is not a string`);
  return value as Record<string, string>; // anything else has been found and will be refused
}

/** Undefined when the position of the tensor in the file stays unknown. */
function parseEntry(name: string, value: unknown, dataOffset: number, findings: Finding[]): TensorEntry | undefined {
  const error = (code: string, message: string): void =>
    void findings.push({ severity: 'error', code, message, where: JSON.stringify(name) });
  if (!isObject(value)) {
    error('tensor-entry', 'the entry is not an object');
    return undefined;
  }
  const { dtype, shape, data_offsets: offsets } = value;
  const knownDtype = typeof dtype === 'string' && isDtype(dtype) ? dtype : undefined;
  if (knownDtype === undefined)
    error(
      'unknown-dtype',
      `the element type ${short(dtype)} is unknown; known are ${Object.keys(dtypeBits).join(', ')}`,
    );
  const knownShape = isSizeList(shape) ? shape : undefined;
  if (knownShape === undefined)
    error('bad-shape', `the shape ${short(shape)} is not a list of non-negative whole numbers`);
  const range = isSizeList(offsets) && offsets.length === 2 ? offsets : undefined;
  if (range === undefined)
    error('bad-offsets', `data_offsets ${short(offsets)} is not a pair of non-negative whole numbers`);
  const [begin = 0, end = 0] = range ?? [];
  if (begin > end) error('bad-offsets', `data_offsets begin at ${begin}, after their end ${end}`);
  if (range === undefined || begin > end) return undefined;
  if (knownDtype && knownShape) checkSize(knownDtype, knownShape, end - begin, error);
  return {
    name,
    dtype: knownDtype ?? 'U8',
    shape: knownShape ?? [],
    offset: dataOffset + begin,
    lengthBytes: end - begin,
  };
}

function checkSize(
  dtype: Dtype,
  shape: readonly number[],
  lengthBytes: number,
  error: (code: string, message: string) => void,
): void {
  const bits = sizeBits(dtype, shape);
  const written = `${dtype} [${shape.slice(0, 16).join(', ')}${shape.length > 16 ? ', ...' : ''}]`;
  if (bits === undefined) error('size-overflow', `a tensor of ${written} has no size that 64 bits can hold`);
  else if (bits % 8n !== 0n) error('partial-byte', `${written} does not fill a whole number of bytes`);
  else if (bits / 8n !== BigInt(lengthBytes))
    error('size-mismatch', `${written} takes ${bits / 8n} bytes, but its data_offsets span ${lengthBytes}`);
}

/** Exact size, or undefined past 2^64 bits. Stops there, so that a hostile shape cannot grow a huge integer. */
function sizeBits(dtype: Dtype, shape: readonly number[]): bigint | undefined {
  if (shape.includes(0)) return 0n;
  let bits = BigInt(dtypeBits[dtype]);
  for (const dimension of shape) {
    bits *= BigInt(dimension);
    if (bits >= 1n << 64n) return undefined;
  }
  return bits;
}

/** Every byte after the header belongs to exactly one tensor. `entries` are sorted by position. */
function checkCoverage(
  entries: readonly TensorEntry[],
  dataOffset: number,
  fileSizeBytes: number,
  rangesKnown: boolean,
): Finding[] {
  const findings: Finding[] = [];
  const error = (code: string, message: string, where?: string): void =>
    void findings.push({ severity: 'error', code, message, ...(where === undefined ? {} : { where }) });
  let covered = dataOffset;
  let previous = '';
  for (const { name, offset, lengthBytes } of entries) {
    const where = JSON.stringify(name);
    if (offset < covered) error('overlap', `its data overlaps that of ${JSON.stringify(previous)}`, where);
    // With an unreadable entry among them, a gap may be that entry's place.
    else if (offset > covered && rangesKnown)
      error('hole', `${offset - covered} bytes before its data belong to no tensor`, where);
    if (offset + lengthBytes >= covered) {
      covered = offset + lengthBytes;
      previous = name;
    }
  }
  if (covered > fileSizeBytes)
    error(
      'truncated',
      `the data should end at byte ${covered}, but the file has only ${fileSizeBytes}: it was cut short, copy or download it again`,
    );
  else if (covered < fileSizeBytes && rangesKnown)
    error('trailing-data', `the file has ${fileSizeBytes - covered} bytes after the data of its last tensor`);
  return findings;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
