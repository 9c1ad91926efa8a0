import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { beginUpload, getVersion, type Version } from '../../shared/contract/versions.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { DomainError } from '../../shared/errors.ts';
import type { CommandIo } from '../command.ts';
import { announced, contentKey, hashFiles } from '../transfers/local-files.ts';
import { withSuggestions } from './suggest.ts';
import { sendShown, viewOf } from './transfer.ts';
import { waitUntil } from './wait-until.ts';

export interface PushAdapterOptions {
  readonly adapter: string;
  /** Needed where the adapter is new. */
  readonly base?: string | undefined;
  readonly notes: string;
  readonly aliases: readonly string[];
  readonly json: boolean;
}

/** Sends a folder as a new version, or finds the version that it already is, and waits until it is checked. */
export async function pushAdapter(
  api: ApiClient,
  folder: string,
  { adapter, base, notes, aliases, json }: PushAdapterOptions,
  io: CommandIo,
): Promise<{ readonly version: Version; readonly wasThere: boolean }> {
  const { send, left } = await adapterFiles(folder);
  const view = viewOf(json, io);
  if (left.length > 0) view.note(`not sent, since they belong to a training run: ${left.join(', ')}`);
  const files = await hashFiles(send, view, () => io.screen.now());
  const body = {
    files: files.map(announced),
    notes,
    aliases: [...aliases],
    ...(base === undefined ? {} : { base }),
  };
  const names = { adapter: base === undefined ? [adapter] : [], base: base === undefined ? [] : [base] };
  const begun = await withSuggestions(api, names, () => beginOrFind(api, adapter, body)).finally(() => view.end());
  const params = { adapter, version: begun.version.id };
  if (begun.upload.state !== 'open' && begun.version.state === 'published')
    return { version: begun.version, wasThere: true };
  if (begun.upload.state === 'open') await sendShown(api, begun.upload, files, view, () => io.screen.now());
  view.note('checking what was sent');
  const version = await waitUntil(
    () => api.call(getVersion, { params }),
    ({ state }) => state !== 'draft' && state !== 'validating',
  );
  view.end();
  return { version, wasThere: false };
}

type Begun = OperationOutput<typeof beginUpload>;

/** The same files again find the upload or version they are already; what came to nothing is begun anew. */
async function beginOrFind(
  api: ApiClient,
  adapter: string,
  body: Parameters<typeof api.call<typeof beginUpload>>[1]['body'],
): Promise<Begun> {
  for (let before = ''; ;) {
    const idempotencyKey = contentKey(['version', adapter, body, before]);
    const begun = await api.call(beginUpload, { params: { adapter }, body, idempotencyKey });
    const { state, id } = begun.version;
    const over = state === 'rejected' || state === 'withdrawn' || begun.upload.state === 'aborted';
    if (!over || id === before) return begun;
    before = id;
  }
}

/** Files of an adapter's folder, and those that stay here: what resumes a training run is large, pickled, and of no use to others. */
async function adapterFiles(
  folder: string,
): Promise<{ send: { path: string; localPath: string }[]; left: readonly string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new DomainError('folder', `${folder} is no folder that can be read: ${(error as Error).message}`);
  });
  const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
  if (!names.includes('adapter_config.json'))
    throw new DomainError('folder', `${folder} is no adapter: there is no adapter_config.json in it.`);
  const left = names.filter((name) => runFiles.test(name));
  const send = names.filter((name) => !runFiles.test(name)).toSorted();
  return { send: send.map((path) => ({ path, localPath: join(folder, path) })), left };
}

/** What transformers' Trainer saves beside an adapter. */
const runFiles =
  /^(optimizer|scheduler|scaler)\.(pt|bin)$|^rng_state.*\.pth$|^training_args\.bin$|^trainer_state\.json$/;
