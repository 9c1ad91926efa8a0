import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { getBaseManifest, getVersionManifest, type SignedManifest } from '../../shared/contract/manifests.ts';
import { getBase, listBaseFiles } from '../../shared/contract/bases.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { fileFindings, manifestFindings } from '../../shared/signing/manifest.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { folderOrName } from '../folder-or-name.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import { readPublicKey } from '../signing/read-public-key.ts';
import { readPublished, type PublishedFolder } from '../signing/read-published.ts';
import { readTrustedKeys } from '../signing/trusted-keys.ts';
import { printable } from '../printable.ts';

/** `lorary verify`: whether something is what was published. */
export const verify = runCommand({
  name: 'verify',
  summary: 'Check a folder, or what the server tells of a version, against what was signed when it was published.',
  usage: 'FOLDER | NAME[@VERSION] | --base BASE [--key FILE]',
  words: { what: 'FOLDER or NAME', min: 0, max: 1 },
  notes: [
    'A folder needs no server: every file is read, and compared with the manifest that "lorary pull" has laid beside it. Its signature has to',
    'be by a key that was trusted before (lorary keys trust), or by --key. Of a NAME the hashes that the server tells are compared; its bytes',
    'are not read. Everything that differs is told.',
  ],
  examples: [
    'lorary verify adapters/french',
    'lorary verify french@production',
    'lorary verify adapters/french --key platform-key.json',
  ],
  flags: {
    base: { kind: 'text', value: 'BASE', help: 'of this base of the server' },
    key: { kind: 'path', value: 'FILE', help: 'public key that it has to be signed by, as JSON or PEM' },
  },
  async run({ words: [subject], flags: { base, key }, json }, io) {
    if ((subject === undefined) === (base === undefined))
      throw new DomainError(
        'usage',
        'Say what to verify, one thing: lorary verify FOLDER | NAME[@VERSION] | --base BASE',
      );
    const keys = key === undefined ? await readTrustedKeys(io.environment) : [await readPublicKey(key)];
    if (keys.length === 0)
      throw new DomainError(
        'no-trusted-key',
        'No key is trusted here. Trust that of the server with: lorary keys trust',
      );
    const { signed, files } =
      subject === undefined ? await baseOfServer(base ?? '', io) : await publishedOf(subject, io);
    const { manifest } = signed;
    const findings = [...manifestFindings(signed, keys), ...fileFindings(manifest, files)];
    if (json) io.print(JSON.stringify({ manifest, findings }));
    else {
      const { name, version, id } = manifest;
      const what = printable(`${name}${version === undefined ? '' : `@${version}`} (${id})`);
      for (const { where = '', message } of findings) io.print(printable(`${where}: ${message}`));
      if (findings.length === 0)
        io.print(
          `It is ${what}: ${files.length} files, each as it was published, signed by ${signed.signature?.keyId.slice(0, 16)}.`,
        );
      else io.note(`It is not ${what} as it was published.`);
    }
    return findings.length === 0 ? exitCodes.done : exitCodes.refused;
  },
});

async function publishedOf(subject: string, io: CommandIo): Promise<PublishedFolder> {
  const isFolder = existsSync(subject) || folderOrName({ text: subject, file: 'adapter_config.json' }) === 'folder';
  return isFolder ? readPublished(resolve(subject)) : versionOfServer(subject, io);
}

async function versionOfServer(text: string, io: CommandIo): Promise<PublishedFolder> {
  const { adapter, version } = parseVersionName(text);
  const api = await connect(io);
  const found = await withSuggestions(api, { adapter: [adapter] }, () =>
    api.call(getVersion, { params: { adapter, version } }),
  );
  // an alias may move meanwhile
  const signed = await api.call(getVersionManifest, { params: { adapter, version: found.id } });
  return { signed: ofId(signed, found.id), files: found.files };
}

async function baseOfServer(base: string, io: CommandIo): Promise<PublishedFolder> {
  const api = await connect(io);
  const [{ id }, signed, { files }] = await withSuggestions(api, { base: [base] }, () =>
    Promise.all([
      api.call(getBase, { params: { base } }),
      api.call(getBaseManifest, { params: { base } }),
      api.call(listBaseFiles, { params: { base } }),
    ]),
  );
  return { signed: ofId(signed, id), files };
}

/** A good manifest of something else is none of this. */
function ofId(signed: SignedManifest, id: string): SignedManifest {
  if (signed.manifest.id === id) return signed;
  throw new DomainError('damaged', `The server gives the manifest of ${signed.manifest.id} for ${id}.`);
}
