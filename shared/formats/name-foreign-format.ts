import type { ByteSource } from './bytes.ts';

/** Bytes of a file's beginning that `nameForeignFormat` wants to see. */
const sniffBytes = 512;

/**
 * Says what a file that failed to parse as safetensors seems to be instead, as a sentence for its owner, or undefined.
 * To be asked only after a failure: a safetensors file may begin with any eight bytes.
 */
export async function nameForeignFormat(source: ByteSource): Promise<string | undefined> {
  const head = await source.read(0, Math.min(sniffBytes, source.sizeBytes));
  const text = String.fromCharCode(...head);
  return signatures.find((signature) => signature.matches(text))?.says;
}

// Each `matches` sees the bytes as Latin-1 characters.
const signatures: readonly { matches: (head: string) => boolean; says: string }[] = [
  {
    matches: (head) => head.startsWith('PK\x03\x04'),
    says: 'It is a zip archive, probably a PyTorch checkpoint (.bin, .pt, .pth). Those are Python pickles, which can run code when loaded, and are not read here: save it again as safetensors.',
  },
  {
    // The PROTO opcode with protocol 2 to 5.
    matches: (head) => head.startsWith('\x80') && head.charCodeAt(1) >= 2 && head.charCodeAt(1) <= 5,
    says: 'It is a Python pickle (.bin, .pt, .pth, .pkl). Pickles can run code when loaded and are not read here: save it again as safetensors.',
  },
  {
    matches: (head) => head.startsWith('GGUF'),
    says: 'It is a GGUF file: convert it to a folder with safetensors first.',
  },
  {
    matches: (head) => head.startsWith('version https://git-lfs'),
    says: 'It is a Git LFS pointer, not the file itself: fetch the real file (git lfs pull).',
  },
  {
    matches: (head) => /^\s*<(!doctype|html)/i.test(head),
    says: 'It is a web page, probably an error page saved by a download: download the file again.',
  },
  {
    matches: (head) => head.startsWith('\x89HDF\r\n\x1a\n'),
    says: 'It is an HDF5 file (Keras .h5): save it again as safetensors.',
  },
];
