import { createHash } from 'node:crypto';
import type { Manifest, SignedManifest } from '../contract/manifests.ts';
import type { Finding } from '../errors.ts';
import { canonicalJson } from '../formats/canonical-json.ts';
import type { SigningKey } from '../platform/ports.ts';
import { isSignedBy } from './signatures.ts';

/** Name of the file that is laid beside what was published. No loader of adapters or models reads files that are called so. */
export const manifestName = 'manifest.lorary';

/** What is signed of a manifest, which itself may be longer than what can be signed. */
export function statementOf(manifest: Manifest): SignedManifest['statement'] {
  const { kind, name, id } = manifest;
  const manifestSha256 = createHash('sha256').update(canonicalJson(manifest)).digest('hex');
  return { format: 'lorary-statement-1', manifestSha256, kind, name, id };
}

export function statementBytes(statement: SignedManifest['statement']): Uint8Array {
  return Buffer.from(canonicalJson(statement));
}

/** What is wrong with a manifest, its statement and its signature by one of these keys. */
export function manifestFindings(signed: SignedManifest, keys: readonly SigningKey[]): Finding[] {
  const { manifest, statement, signature } = signed;
  const findings: Finding[] = [];
  const say = (code: string, message: string): void =>
    void findings.push({ severity: 'error', code, where: manifestName, message });
  if (canonicalJson(statement) !== canonicalJson(statementOf(manifest)))
    say('manifest-changed', 'the manifest is not the one that was signed');
  if (!signature) say('not-signed', 'it is not signed: the platform that published it had no key');
  else {
    const key = keys.find(({ keyId }) => keyId === signature.keyId);
    if (!key)
      say(
        'unknown-key',
        `it is signed by the key ${signature.keyId}, which is not trusted here; if it should be: lorary keys trust`,
      );
    else if (!isSignedBy(key, statementBytes(statement), signature))
      say('bad-signature', 'the signature is not one of what it says');
  }
  return findings;
}

/** Files of a folder, or as a server tells them, against those that were published. */
export function fileFindings(
  manifest: Manifest,
  found: readonly { readonly path: string; readonly sizeBytes: number; readonly sha256: string }[],
): Finding[] {
  const [there, expected] = [new Map(found.map((file) => [file.path, file])), new Set<string>()];
  const findings: Finding[] = [];
  const say = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'error', code, where, message });
  for (const { path, sizeBytes, sha256 } of manifest.files) {
    expected.add(path);
    const file = there.get(path);
    if (!file) say('file-missing', path, 'it was published and is not here');
    else if (file.sizeBytes !== sizeBytes)
      say('file-changed', path, `it has ${file.sizeBytes} bytes; published were ${sizeBytes}`);
    else if (file.sha256 !== sha256)
      say('file-changed', path, `its SHA-256 is ${file.sha256}; published was ${sha256}`);
  }
  for (const { path } of found) if (!expected.has(path)) say('file-added', path, 'it is here and was not published');
  return findings;
}
