import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { dataFolder } from '../server/credentials.ts';
import { viewOf } from '../server/transfer.ts';
import { lateTransferView, sizeText } from '../transfers/transfer-view.ts';

/** `lorary restore`: data of a backup. */
export const restoreCommand = runCommand({
  name: 'restore',
  summary: 'Make the data folder of a backup, once every byte of it has been found right.',
  usage: 'FOLDER',
  words: { what: 'FOLDER', min: 1, max: 1 },
  notes: [
    'The data folder is LORARY_DATA, or .lorary here, and must be empty or not there: what is there is never replaced. Everything that is',
    'wrong with a backup is told at once, and nothing is restored. Links that were given out before end; keys and logins go on.',
  ],
  examples: ['lorary restore /mnt/backups/lorary-monday', 'LORARY_DATA=elsewhere lorary restore lorary-monday'],
  flags: {},
  async run({ words: [source = ''], json }, io) {
    // the store, which other commands know nothing of
    const { restore } = await import('../../shared/local/restore.ts');
    const folder = dataFolder(io.environment);
    const view = viewOf(json, io);
    const onBytes = lateTransferView(view, 'restoring', () => io.screen.now());
    const { takenAt, files } = await restore(source, folder, onBytes).finally(() => view.end());
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const at = new Date(takenAt).toISOString();
    if (json) io.print(JSON.stringify({ folder, backup: source, takenAt: at, files: files.length, bytes }));
    else
      io.print(`${files.length} files (${sizeText(bytes)}) as of ${at} are in ${folder}. Serve them with: lorary up`);
    return exitCodes.done;
  },
});
