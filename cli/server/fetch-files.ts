import { resolve } from 'node:path';
import type { CommandIo } from '../command.ts';
import { receiveFiles, refuseExisting, type RemoteFile } from '../transfers/receive-files.ts';
import { transferView } from '../transfers/transfer-view.ts';
import { viewOf } from './transfer.ts';

/** Fetches files into a new folder with progress shown; `ask` gives them with fresh links, `beside` is laid beside them. Resolves to the folder. */
export async function fetchFiles(
  folder: string,
  ask: () => Promise<readonly RemoteFile[]>,
  json: boolean,
  io: CommandIo,
  beside: Readonly<Record<string, string>> = {},
): Promise<string> {
  const target = resolve(folder);
  await refuseExisting(target);
  const files = await ask();
  const view = viewOf(json, io);
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  try {
    const onBytes = transferView(view, 'fetching', total, () => io.screen.now());
    await receiveFiles(target, files, { onBytes, renew: ask, beside });
  } finally {
    view.end();
  }
  return target;
}
