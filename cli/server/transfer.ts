import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Upload } from '../../shared/contract/uploads.ts';
import type { CommandIo } from '../command.ts';
import { progressView, type ProgressView } from '../progress-view.ts';
import { sendUpload, type LocalFile } from '../transfers/send-upload.ts';
import { transferView } from '../transfers/transfer-view.ts';

/** Where the progress of a transfer is shown; nowhere with `--json`. */
export function viewOf(json: boolean, io: Pick<CommandIo, 'screen'>): ProgressView {
  return json ? { show() {}, note() {}, end() {} } : progressView(io.screen);
}

/** Sends an upload with its progress shown. */
export async function sendShown(
  api: ApiClient,
  upload: Upload,
  files: readonly LocalFile[],
  view: ProgressView,
  now: () => number,
): Promise<void> {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  try {
    await sendUpload(api, upload, files, { onBytes: transferView(view, 'sending', total, now) });
  } finally {
    view.end();
  }
}
