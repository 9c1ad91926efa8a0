import { createHash } from 'node:crypto';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { beginUpload, type Version } from '../../shared/contract/versions.ts';
import { completeUpload, signUploadParts, type Upload } from '../../shared/contract/uploads.ts';
import { factors, safetensorsBytes } from './memory-adapter.ts';
import type { LocalApi } from './local-api.ts';

export type NamedBytes = Readonly<Record<string, Uint8Array>>;

export const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is announced of files before they are sent. */
export function announce(files: NamedBytes): { path: string; sizeBytes: number; sha256: string }[] {
  return Object.entries(files).map(([path, bytes]) => ({
    path,
    sizeBytes: bytes.byteLength,
    sha256: sha256Hex(bytes),
  }));
}

/** A healthy adapter of `examples/tiny-base`, or of a base of another width; other seeds are other values. */
export async function tinyAdapter(seed = 1, width = 192): Promise<NamedBytes> {
  const module = 'model.layers.0.self_attn.q_proj';
  const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'], layers_to_transform: [0] };
  return {
    'adapter_config.json': new TextEncoder().encode(JSON.stringify(config)),
    'adapter_model.safetensors': await safetensorsBytes(factors(module, 2, width, width), seed),
  };
}

/** Sends every part of every file by its signed request. */
export async function sendFiles(
  api: Pick<LocalApi, 'fetch'>,
  client: ApiClient,
  upload: Upload,
  files: NamedBytes,
): Promise<void> {
  const { id, partSizeBytes } = upload;
  for (const [path, bytes] of Object.entries(files)) {
    const count = Math.max(1, Math.ceil(bytes.byteLength / partSizeBytes));
    const pieces = Array.from({ length: count }, (_, at) =>
      bytes.subarray(at * partSizeBytes, (at + 1) * partSizeBytes),
    );
    const parts = pieces.map((piece, at) => ({
      number: at + 1,
      sizeBytes: piece.byteLength,
      sha256: sha256Hex(piece),
    }));
    const signed = await client.call(signUploadParts, { params: { upload: id }, body: { path, parts } });
    for (const { number, url, headers } of signed.parts) {
      const piece = pieces[number - 1] ?? new Uint8Array();
      const response = await api.fetch(url, { method: 'PUT', headers, body: Buffer.from(piece) });
      if (!response.ok) throw new Error(`part ${number} of ${path}: ${response.status} ${await response.text()}`);
    }
  }
}

/** A version of an adapter, sent and completed but not looked at yet. */
export async function pushVersion(
  api: Pick<LocalApi, 'fetch'>,
  client: ApiClient,
  adapter: string,
  given: {
    readonly files?: NamedBytes;
    readonly aliases?: string[];
    readonly base?: string;
    readonly notes?: string;
  } = {},
): Promise<Version> {
  const { files = await tinyAdapter(), aliases = [], base = 'tiny', notes = '' } = given;
  const body = { base, aliases, notes, files: announce(files) };
  const { version, upload } = await client.call(beginUpload, { params: { adapter }, body });
  await sendFiles(api, client, upload, files);
  await client.call(completeUpload, { params: { upload: upload.id } });
  return version;
}
