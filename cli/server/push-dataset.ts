import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createDataset, getDataset, listDatasets, type Dataset } from '../../shared/contract/datasets.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import type { CommandIo } from '../command.ts';
import { announced, contentKey, hashFiles } from '../transfers/local-files.ts';
import { withJsonLines } from '../transfers/json-lines-file.ts';
import type { LocalFile } from '../transfers/send-upload.ts';
import { sizeText } from '../transfers/transfer-view.ts';
import { allPages } from './all-pages.ts';
import { asFindings } from './as-findings.ts';
import { nameOfFile } from './name-of-file.ts';
import { sendShown, viewOf } from './transfer.ts';
import { waitUntil } from './wait-until.ts';

export interface PushDatasetOptions {
  /** Absent: made from the file's name, with a part of the hash where other rows have that name. */
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly json: boolean;
}

export interface PushedDataset {
  readonly dataset: Dataset;
  readonly wasThere: boolean;
}

/**
 * Brings a file of rows, or a folder of them, to the server as JSON lines unless these very lines are there already, and waits until they
 * are checked. Throws `DomainError` with all findings when they are refused.
 */
export async function pushDataset(
  api: ApiClient,
  path: string,
  options: PushDatasetOptions,
  io: CommandIo,
): Promise<PushedDataset> {
  return withJsonLines(path, (localPath) => pushFile(api, { path, localPath }, options, io));
}

async function pushFile(
  api: ApiClient,
  { path, localPath }: { readonly path: string; readonly localPath: string },
  { name, description, json }: PushDatasetOptions,
  io: CommandIo,
): Promise<PushedDataset> {
  const view = viewOf(json, io);
  const [file] = await hashFiles([{ path: 'data.jsonl', localPath }], view, () => io.screen.now()).finally(() =>
    view.end(),
  );
  if (!file) throw new DomainError('dataset', `${path} cannot be read.`);
  const known = await allPages(api, listDatasets);
  const same = known.find(
    (one) => one.sha256 === file.sha256 && one.state === 'ready' && (name === undefined || one.name === name),
  );
  if (same) return { dataset: same, wasThere: true };
  const { dataset, upload } = await begin(api, file, name ?? freeName(path, file, known), description);
  if (upload.state === 'open') await sendShown(api, upload, [file], view, () => io.screen.now());
  const settled = await waitUntil(
    () => api.call(getDataset, { params: { dataset: dataset.name } }),
    ({ state }) => state === 'ready' || state === 'rejected',
  );
  if (settled.state === 'rejected') {
    refuseErrors('dataset', `${path} was refused:`, asFindings(settled.findings));
    throw new DomainError('dataset', `${path} was refused.`);
  }
  if (!json) io.note(`Sent ${path} (${sizeText(file.sizeBytes)}) as the dataset ${settled.name}.`);
  return { dataset: settled, wasThere: false };
}

function begin(api: ApiClient, file: LocalFile, name: string, description = ''): ReturnType<typeof call> {
  const body = { name, description, file: announced(file) };
  const call = (idempotencyKey?: string) =>
    api.call(createDataset, { body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
  return call(contentKey(['dataset', body]));
}

/** The file's name, unless other rows have it. */
function freeName(path: string, { sha256 }: LocalFile, known: readonly Dataset[]): string {
  const name = nameOfFile(path);
  if (name === undefined)
    throw new DomainError(
      'usage',
      `No name can be made from ${path}: give one with: lorary data push ${path} --name NAME`,
    );
  const taken = known.some((one) => one.name === name && one.sha256 !== sha256);
  return taken ? `${name.slice(0, 80)}-${sha256.slice(0, 8)}` : name;
}
