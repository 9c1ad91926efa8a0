import { eraseDataset, getErasure, type Erasure } from '../../shared/contract/erasures.ts';
import { listLineage } from '../../shared/contract/lineage.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { lineageText } from '../lineage-text.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { waitUntil } from '../server/wait-until.ts';

/** `lorary data erase`: a dataset and all that descends from it, for good. */
export const dataErase = runCommand({
  name: 'data erase',
  summary: 'Erase a dataset for good, with every version and base that descends from it.',
  usage: 'DATASET [--yes] [--wait]',
  words: { what: 'DATASET', min: 1, max: 1 },
  notes: [
    'Without --yes it is only shown what would go. From the call on none of it is given out any more (410); its bytes go in the minutes after,',
    'once jobs that read it have ended. It cannot be taken back. Links that were given out before work for their few minutes; backups, copies',
    'that somebody has pulled, and names and hashes in records and the audit stay.',
  ],
  examples: ['lorary data erase letters', 'lorary data erase letters --yes --wait'],
  flags: {
    yes: { kind: 'switch', help: 'do it' },
    wait: { kind: 'switch', help: 'until the bytes are gone' },
  },
  async run({ words: [dataset = ''], flags: { yes, wait }, json }, io) {
    const api = await connect(io);
    const params = { dataset };
    if (!yes) {
      const query = { of: `datasets/${dataset}`, direction: 'down' as const };
      const nodes = await allPages(api, listLineage, { query });
      io.print(json ? JSON.stringify({ nodes }) : lineageText(nodes));
      throw new DomainError(
        'usage',
        `Nothing was erased. All of this goes for good with: lorary data erase ${dataset} --yes`,
      );
    }
    const begun = await api.call(eraseDataset, { params });
    const ask = (): Promise<Erasure> => api.call(getErasure, { params });
    const now = wait ? await waitUntil(ask, ({ state }) => state === 'erased') : begun;
    const { state, erased } = now;
    if (json) io.print(JSON.stringify(now));
    else if (state === 'erased')
      io.print(
        `${dataset} is erased, with ${erased.versions} versions, ${erased.bases} bases and what ${erased.jobs} jobs had left.`,
      );
    else io.print(`${dataset} and all that descends from it is out of reach; its bytes go in the minutes to come.`);
    return exitCodes.done;
  },
});
