import { DomainError, invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSource } from './bytes.ts';
import { nameForeignFormat } from './name-foreign-format.ts';
import {
  headerTooLargeMessage,
  malformedSafetensors,
  parseSafetensorsHeader,
  safetensorsPrefixBytes,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.ts';

/**
 * Reads and checks the header of a safetensors file; the data is not touched. Throws `DomainError('safetensors-malformed')`
 * with all findings, naming the format of a file that is something else (a pickle, a GGUF, an LFS pointer...).
 * `headerBytesMax`: a bound closer than the format's, where less is to be expected.
 */
export async function readSafetensorsHeader(
  source: ByteSource,
  headerBytesMax: number = limits.safetensorsHeaderBytesMax,
): Promise<SafetensorsHeader> {
  try {
    return parseSafetensorsHeader(await readHeaderJson(source, headerBytesMax), source.sizeBytes, source.name);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const says = await nameForeignFormat(source);
    if (says === undefined) throw error;
    throw new DomainError(error.code, `${source.name} is not a safetensors file. ${says}`, {
      findings: [{ severity: 'error', code: 'foreign-format', message: says }],
    });
  }
}

/** Reads the bytes of one tensor, exactly `entry.lengthBytes` of them. */
export function readTensor(source: ByteSource, entry: TensorEntry): Promise<Uint8Array> {
  return source.read(entry.offset, entry.lengthBytes);
}

/** Reads one tensor in pieces of at most `limits.copyChunkBytes`, for copying without holding it whole. */
export async function* readTensorChunks(source: ByteSource, entry: TensorEntry): AsyncGenerator<Uint8Array> {
  const end = entry.offset + entry.lengthBytes;
  for (let offset = entry.offset; offset < end; offset += limits.copyChunkBytes)
    yield await source.read(offset, Math.min(limits.copyChunkBytes, end - offset));
}

async function readHeaderJson(source: ByteSource, headerBytesMax: number): Promise<Uint8Array> {
  if (source.sizeBytes < safetensorsPrefixBytes)
    throw malformedSafetensors(source.name, 'too-short', `it has ${source.sizeBytes} bytes; the shortest has 10`);
  const prefix = await source.read(0, safetensorsPrefixBytes);
  invariant(prefix.byteLength === safetensorsPrefixBytes, 'a byte source returns as many bytes as it was asked for');
  const lengthBytes = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (lengthBytes > BigInt(headerBytesMax))
    throw malformedSafetensors(source.name, 'header-too-large', headerTooLargeMessage(lengthBytes, headerBytesMax));
  if (lengthBytes > BigInt(source.sizeBytes - safetensorsPrefixBytes))
    throw malformedSafetensors(
      source.name,
      'truncated',
      `its header claims ${lengthBytes} bytes, but only ${source.sizeBytes - safetensorsPrefixBytes} follow`,
    );
  return source.read(safetensorsPrefixBytes, Number(lengthBytes));
}
