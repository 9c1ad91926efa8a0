import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createBase, getBase, listBaseFiles, type Base } from '../../shared/contract/bases.ts';
import { createDataset, getDataset, getDatasetFile, type Dataset } from '../../shared/contract/datasets.ts';
import type { Upload } from '../../shared/contract/uploads.ts';
import { getVersion, listVersionFiles, type Version } from '../../shared/contract/versions.ts';
import { DomainError } from '../../shared/errors.ts';
import type { ProgressView } from '../progress-view.ts';
import { asFindings } from '../server/as-findings.ts';
import { beginOrFind } from '../server/push-adapter.ts';
import { waitUntil } from '../server/wait-until.ts';
import { contentKey } from '../transfers/local-files.ts';
import type { RemoteFile } from '../transfers/receive-files.ts';
import { relayUpload } from '../transfers/relay-upload.ts';
import { transferView } from '../transfers/transfer-view.ts';
import type { NumberedVersion } from './library.ts';
import type { Done } from './outcome.ts';

/** The two servers, and where bytes on their way between them are shown. */
export interface Relay {
  readonly from: ApiClient;
  readonly to: ApiClient;
  readonly view: ProgressView;
  readonly now: () => number;
}

/** By its commit at Hugging Face where it came from there and that server can fetch it, else byte by byte. */
export async function moveBase(relay: Relay, base: Base): Promise<Omit<Done, 'what'>> {
  const byName = await begunAtHub(relay.to, base);
  if (byName) {
    await settledBase(relay.to, byName, base);
    return { bytes: 0 };
  }
  const { name, description } = base;
  const source = { kind: 'upload' as const, files: base.files.map(announcedFile), moved: movedOf(base) };
  const body = { name, description, source };
  const begun = await relay.to.call(createBase, { body, idempotencyKey: contentKey(['base', body]) });
  const ask = async () => (await relay.from.call(listBaseFiles, { params: { base: name } })).files;
  await relayShown(relay, begun.upload, ask, name);
  await settledBase(relay.to, name, base);
  return { bytes: base.sizeBytes };
}

/** Its name there when that server fetches it by itself; undefined: it cannot. */
async function begunAtHub(to: ApiClient, { name, description, source }: Base): Promise<string | undefined> {
  const { kind, repository, revision } = source;
  if (kind !== 'huggingface' || repository === undefined || revision === undefined) return undefined;
  const body = { name, description, source: { kind, repository, revision } };
  try {
    return (await to.call(createBase, { body, idempotencyKey: contentKey(['base', body]) })).base.name;
  } catch (error) {
    const passed = error instanceof DomainError && ['not-available-here', 'no-such-repository'].includes(error.code);
    if (passed) return undefined;
    throw error;
  }
}

async function settledBase(to: ApiClient, base: string, { sha256 }: Base): Promise<void> {
  const { state, findings, ...now } = await waitUntil(
    () => to.call(getBase, { params: { base } }),
    (asked) => asked.state === 'ready' || asked.state === 'failed',
  );
  refuse(state === 'failed', findings);
  if (now.sha256 !== sha256) throw new DomainError('damaged', 'its weights there are not those of here');
}

export async function moveDataset(relay: Relay, dataset: Dataset): Promise<Omit<Done, 'what'>> {
  const { name, description, sizeBytes, sha256 } = dataset;
  const params = { dataset: name };
  const body = { name, description, file: { path: 'data.jsonl', sizeBytes, sha256 } };
  const begun = await relay.to.call(createDataset, { body, idempotencyKey: contentKey(['dataset', body]) });
  const ask = async () => [{ ...(await relay.from.call(getDatasetFile, { params })), path: body.file.path }];
  await relayShown(relay, begun.upload, ask, name);
  const { state, findings } = await waitUntil(
    () => relay.to.call(getDataset, { params }),
    (asked) => asked.state === 'ready' || asked.state === 'rejected',
  );
  refuse(state === 'rejected', findings);
  return { bytes: sizeBytes };
}

/** Resolves to the number that it has there. */
export async function moveVersion(relay: Relay, adapter: string, version: NumberedVersion): Promise<number> {
  const { id, notes, files } = version;
  const body = { files: files.map(announcedFile), notes, aliases: [], moved: movedOf(version) };
  const begun = await beginOrFind(relay.to, adapter, body);
  const ask = async () => (await relay.from.call(listVersionFiles, { params: { adapter, version: id } })).files;
  await relayShown(relay, begun.upload, ask, `${adapter}@${version.version}`);
  const params = { adapter, version: begun.version.id };
  const now = await waitUntil(
    () => relay.to.call(getVersion, { params }),
    ({ state }) => state !== 'draft' && state !== 'validating',
  );
  refuse(now.state === 'rejected' || now.version === null, now.findings);
  return now.version ?? 0;
}

function refuse(refused: boolean, findings: Version['findings']): void {
  if (refused) throw new DomainError('refused', 'it was refused there:', { findings: asFindings(findings) });
}

async function relayShown(
  { to, view, now }: Relay,
  upload: Upload | undefined,
  ask: () => Promise<readonly RemoteFile[]>,
  what: string,
): Promise<void> {
  if (upload?.state !== 'open') return;
  const total = upload.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  try {
    await relayUpload(to, upload, ask, { onBytes: transferView(view, `moving ${what}`, total, now) });
  } finally {
    view.end();
  }
}

const announcedFile = ({ path, sizeBytes, sha256 }: Version['files'][number]) => ({ path, sizeBytes, sha256 });

/** Where it was made, as far as its server knows; what was moved before keeps where it was first. */
function movedOf({ id, createdAt, lineage, ...rest }: Base | NumberedVersion) {
  const { moved, ...made } = lineage;
  if (moved) return moved;
  return { id, createdAt, lineage: made, ...('version' in rest ? { version: rest.version } : {}) };
}
