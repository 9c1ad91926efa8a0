import { listBaseFiles } from '../../shared/contract/bases.ts';
import { listJobFiles } from '../../shared/contract/jobs.ts';
import { listVersionFiles, type Version } from '../../shared/contract/versions.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { getBaseManifest, getVersionManifest, type SignedManifest } from '../../shared/contract/manifests.ts';
import { DomainError } from '../../shared/errors.ts';
import { manifestName } from '../../shared/signing/manifest.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { connect } from '../server/connect.ts';
import { fetchFiles } from '../server/fetch-files.ts';
import { baseFolder, snippetsText, versionFolder } from '../server/snippets.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import type { RemoteFile } from '../transfers/receive-files.ts';

/** `lorary pull`: a version, a base or the files of an export become a folder. */
export const pull = runCommand({
  name: 'pull',
  summary: 'Fetch a version, a base or the files of an export into a folder, verified by hash.',
  usage: 'NAME[@VERSION] | JOB | --base BASE [--output FOLDER]',
  words: { what: 'NAME', min: 0, max: 1 },
  notes: [
    'The folder appears whole when every file is there and its SHA-256 is right. A call that was interrupted goes on with what stands in',
    'FOLDER.part. manifest.lorary beside the files is what was signed when it was published: see lorary verify.',
  ],
  examples: ['lorary pull french@3 --output adapters/french', 'lorary pull --base tiny --output models/tiny'],
  flags: {
    base: { kind: 'text', value: 'BASE', help: 'fetch this base' },
    output: { kind: 'path', value: 'FOLDER', short: 'o', help: 'must not exist [NAME-VERSION here]' },
  },
  async run({ words: [name], flags: { base, output }, json }, io) {
    if ((name === undefined) === (base === undefined))
      throw new DomainError('usage', 'Say what to fetch, one thing: lorary pull NAME[@VERSION] | JOB | --base BASE');
    const api = await connect(io);
    const what = await findFiles(api, name, base);
    const beside = await manifestBeside(what.manifest, io);
    const folder = await fetchFiles(output ?? what.folder, what.ask, json, io, beside);
    if (json) io.print(JSON.stringify({ folder, files: what.files.map(({ path, sha256 }) => ({ path, sha256 })) }));
    else {
      io.print(`${what.files.length} files in ${folder}, each as its SHA-256 says`);
      if (what.version) io.print(await snippetsText(api, what.version, folder));
    }
    return exitCodes.done;
  },
});

interface Found {
  readonly folder: string;
  readonly files: readonly RemoteFile[];
  readonly ask: () => Promise<readonly RemoteFile[]>;
  readonly version?: Version;
  /** Asks for what was signed of it; absent: files of a job are not. */
  readonly manifest?: () => Promise<SignedManifest>;
}

/** The manifest as a file beside the others; what an earlier release has published, or no job, has none. */
async function manifestBeside(ask: Found['manifest'], io: CommandIo): Promise<Readonly<Record<string, string>>> {
  try {
    return ask ? { [manifestName]: `${JSON.stringify(await ask(), undefined, 2)}\n` } : {};
  } catch (error) {
    if (!(error instanceof DomainError) || !['no-manifest', 'not-found'].includes(error.code)) throw error;
    io.note('There is no manifest of this: lorary verify has nothing to compare it with.');
    return {};
  }
}

async function findFiles(api: ApiClient, name: string | undefined, base: string | undefined): Promise<Found> {
  if (base !== undefined) {
    const ask = async () => (await api.call(listBaseFiles, { params: { base } })).files;
    const manifest = () => api.call(getBaseManifest, { params: { base } });
    return { folder: baseFolder(base), files: await withSuggestions(api, { base: [base] }, ask), ask, manifest };
  }
  if (name?.startsWith('job_')) {
    const ask = async () => (await api.call(listJobFiles, { params: { job: name } })).files;
    const files = await ask();
    if (files.length === 0)
      throw new DomainError('not-found', `${name} has made no files; what it did: lorary jobs ${name}`);
    return { folder: name, files, ask };
  }
  const { adapter, version } = parseVersionName(name ?? '');
  const first = await withSuggestions(api, { adapter: [adapter] }, () =>
    api.call(listVersionFiles, { params: { adapter, version } }),
  );
  // an alias may move meanwhile; the files are of one version
  const pinned = first.version.id;
  const ask = async () => (await api.call(listVersionFiles, { params: { adapter, version: pinned } })).files;
  const manifest = () => api.call(getVersionManifest, { params: { adapter, version: pinned } });
  return { folder: versionFolder(first.version), files: first.files, ask, version: first.version, manifest };
}
