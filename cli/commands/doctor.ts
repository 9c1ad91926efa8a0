import { exitCodes } from '../../gpu-job/main.ts';
import { diagnosisLine } from '../../shared/domain/diagnosis.ts';
import { runCommand } from '../command.ts';
import { examine } from '../doctor/examine.ts';

/** `lorary doctor`: whether everything that Lorary needs is there. */
export const doctor = runCommand({
  name: 'doctor',
  summary: 'Check what Lorary needs: Node, its libraries, the data folder, the disk, the server and the key.',
  usage: '',
  notes: ['Ends with 0 when nothing is wrong; a server that is not there is only a warning.'],
  examples: ['lorary doctor'],
  flags: {},
  async run({ json }, io) {
    const found = await examine(io.environment);
    if (json) io.print(JSON.stringify({ checks: found }));
    else for (const one of found) io.print(diagnosisLine(one));
    return found.some(({ verdict }) => verdict === 'bad') ? exitCodes.refused : exitCodes.done;
  },
});
