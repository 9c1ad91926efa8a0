import { servability, type EngineReport } from '../domain/servability.ts';
import type { StoredAdapter } from '../domain/servability-facts.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { readSafetensorsHeader } from '../formats/safetensors-read.ts';

/** Which engines serve an adapter that was found to be sound; `config` and `weights` are its two files. */
export async function engineReports(
  base: NonNullable<StoredAdapter['base']>,
  { config, weights }: { readonly config: ByteSource; readonly weights: ByteSource },
): Promise<readonly EngineReport[]> {
  const text = new TextDecoder().decode(await config.read(0, config.sizeBytes));
  const { tensors } = await readSafetensorsHeader(weights);
  return servability({
    config: JSON.parse(text) as Record<string, unknown>, // the validation found it to be one
    tensors: [...tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    base,
  });
}
