import { listDatasets } from '../../shared/contract/datasets.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText, timeText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';

/** `lorary data ls`: the datasets. */
export const dataLs = runCommand({
  name: 'data ls',
  summary: 'List the datasets of the server.',
  usage: '',
  examples: ['lorary data ls'],
  flags: {},
  async run({ json }, io) {
    const datasets = await allPages(await connect(io), listDatasets);
    if (json) io.print(JSON.stringify({ datasets }));
    else if (datasets.length === 0) io.note('There are none. Send one with: lorary data push FILE');
    else
      io.print(
        tableText(
          ['name', 'state', 'format', 'rows', 'size', 'made'],
          datasets.map(({ name, state, format, rows, sizeBytes, createdAt }) => [
            name,
            state,
            format ?? '-',
            rows ?? '-',
            sizeText(sizeBytes),
            timeText(createdAt),
          ]),
        ),
      );
    return exitCodes.done;
  },
});
