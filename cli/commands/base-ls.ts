import { listBases } from '../../shared/contract/bases.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';

/** `lorary base ls`: the base models. */
export const baseLs = runCommand({
  name: 'base ls',
  summary: 'List the base models of the server.',
  usage: '',
  examples: ['lorary base ls'],
  flags: {},
  async run({ json }, io) {
    const bases = await allPages(await connect(io), listBases);
    if (json) io.print(JSON.stringify({ bases }));
    else if (bases.length === 0) io.note('There are none. Add one with: lorary base add FOLDER');
    else
      io.print(
        tableText(
          ['name', 'state', 'architecture', 'parameters', 'size'],
          bases.map(({ name, state, architecture, parameters, sizeBytes }) => [
            name,
            state,
            architecture ?? '-',
            parameters === null ? '-' : `${(parameters / 1e6).toPrecision(3)} M`,
            sizeText(sizeBytes),
          ]),
        ),
      );
    return exitCodes.done;
  },
});
