import { restoreAdapter } from '../../shared/contract/adapters.ts';
import { restoreBase } from '../../shared/contract/bases.ts';
import { restoreDataset } from '../../shared/contract/datasets.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';

const kinds = ['adapter', 'base', 'dataset'] as const;

/** `lorary undelete`: what was deleted is there again. */
export const undelete = runCommand({
  name: 'undelete',
  summary: 'Bring back what was deleted, until its files are purged a week later.',
  usage: 'NAME [--kind KIND]',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: ['An adapter comes back with its versions, aliases and tags; its base must be there.'],
  examples: ['lorary undelete french', 'lorary undelete sums --kind dataset'],
  flags: { kind: { kind: 'text', value: 'KIND', help: 'adapter, base or dataset [adapter]' } },
  async run({ words: [name = ''], flags: { kind: given = 'adapter' }, json }, io) {
    const kind = kinds.find((one) => one === given);
    if (kind === undefined) throw new DomainError('usage', `--kind is ${kinds.join(', ')}, not "${given}".`);
    const api = await connect(io);
    const restored =
      kind === 'adapter'
        ? await api.call(restoreAdapter, { params: { adapter: name } })
        : kind === 'base'
          ? await api.call(restoreBase, { params: { base: name } })
          : await api.call(restoreDataset, { params: { dataset: name } });
    io.print(json ? JSON.stringify({ [kind]: restored }) : `The ${kind} ${name} is back.`);
    return exitCodes.done;
  },
});
