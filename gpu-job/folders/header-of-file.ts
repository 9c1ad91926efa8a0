import { openFileSource } from '../../shared/files/file-source.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';

/** The header of a safetensors file. Throws `DomainError` for what is no such file. */
export async function headerOfFile(path: string): ReturnType<typeof readSafetensorsHeader> {
  const source = await openFileSource(path);
  try {
    return await readSafetensorsHeader(source);
  } finally {
    await source.close();
  }
}
