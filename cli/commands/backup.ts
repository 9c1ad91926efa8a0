import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { dataFolder } from '../server/credentials.ts';
import { viewOf } from '../server/transfer.ts';
import { lateTransferView, sizeText } from '../transfers/transfer-view.ts';

/** `lorary backup`: the data of a server of this machine, as it is at one moment. */
export const backup = runCommand({
  name: 'backup',
  summary: 'Copy the data of the server of this folder, which may go on working, into a new folder.',
  usage: 'FOLDER',
  words: { what: 'FOLDER', min: 1, max: 1 },
  notes: [
    'The copy is of one moment and whole: records, contents and open uploads, with the SHA-256 of each file. It holds the key of',
    'credentials.json and the one that the platform signs with, so keep it as you keep those. What runs printed and what jobs are working on',
    'is not in it: such a job goes on from its last checkpoint. Put the folder on another disk; "lorary restore" makes a data folder of it. On AWS: docs/runbook.md.',
  ],
  examples: ['lorary backup /mnt/backups/lorary-monday'],
  flags: {},
  async run({ words: [target = ''], json }, io) {
    // the store, which other commands know nothing of
    const { backUp } = await import('../../shared/local/backup.ts');
    const folder = dataFolder(io.environment);
    const view = viewOf(json, io);
    const onBytes = lateTransferView(view, 'copying', () => io.screen.now());
    const { takenAt, files } = await backUp(folder, target, { now: Date.now, onBytes }).finally(() => view.end());
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const at = new Date(takenAt).toISOString();
    if (json) io.print(JSON.stringify({ folder, backup: target, takenAt: at, files: files.length, bytes }));
    else {
      io.print(`${files.length} files (${sizeText(bytes)}) of ${folder} as it was at ${at} are in ${target}`);
      io.print(`Make data of it again with: LORARY_DATA=NEW_FOLDER lorary restore ${target}`);
    }
    return exitCodes.done;
  },
});
