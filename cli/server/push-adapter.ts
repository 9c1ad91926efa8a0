import type { ApiClient } from '../../shared/contract/api-client.ts';
import { beginUpload, getVersion, type Version } from '../../shared/contract/versions.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import type { CommandIo } from '../command.ts';
import { announced, contentKey, hashFiles } from '../transfers/local-files.ts';
import { adapterFiles } from './adapter-files.ts';
import { readyBase } from './ready-base.ts';
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
  if (left.length > 0) view.note(`not sent, since they do not belong to an adapter: ${left.join(', ')}`);
  if (base !== undefined) await readyBase(api, base, (text) => view.note(text));
  const files = await hashFiles(send, view, () => io.screen.now());
  const body = {
    files: files.map(announced),
    notes,
    aliases: [...aliases],
    ...(base === undefined ? {} : { base }),
  };
  const names = { adapter: base === undefined ? [adapter] : [] };
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
export async function beginOrFind(
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
