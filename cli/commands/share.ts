import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listShares, shareAdapter, unshareAdapter, type Share } from '../../shared/contract/shares.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { tableText, timeText } from '../table-text.ts';

const withFlag = { kind: 'text', value: 'TEAM', multiple: true } as const;

/** `lorary share`: another team reads an adapter. */
export const share = runCommand({
  name: 'share',
  summary: 'Let other teams read an adapter and use it in jobs, or list those that do.',
  usage: 'NAME [--with TEAM ...]',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: [
    'There it is called TEAM:NAME, after the team that shares it. It can be read with all its versions, not changed, promoted, shared on or',
    'deleted. What that shows, and what lorary unshare does not undo: docs/access.md.',
  ],
  examples: ['lorary share french --with red', 'lorary share french'],
  flags: { with: { ...withFlag, help: 'the team that shall read it' } },
  async run({ words: [adapter = ''], flags: { with: teams }, json }, io) {
    const api = await connect(io);
    const shares = await withSuggestions(api, { adapter: [adapter] }, async () => {
      for (const team of teams) await api.call(shareAdapter, { params: { adapter, team } });
      return (await api.call(listShares, { params: { adapter } })).items;
    });
    if (json) io.print(JSON.stringify({ adapter, shares }));
    else if (shares.length === 0) io.note(`${adapter} is shared with no team: lorary share ${adapter} --with TEAM`);
    else io.print(sharesText(shares));
    return exitCodes.done;
  },
});

export const unshare = runCommand({
  name: 'unshare',
  summary: 'Take an adapter from teams that it was shared with, at once.',
  usage: 'NAME --with TEAM ... | --all',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: ['What they have downloaded, or have made with it, stays with them, and jobs that have fetched it go on.'],
  examples: ['lorary unshare french --with red', 'lorary unshare french --all'],
  flags: {
    with: { ...withFlag, help: 'the team that shall read it no more' },
    all: { kind: 'switch', help: 'every team' },
  },
  async run({ words: [adapter = ''], flags: { with: teams, all }, json }, io) {
    if (teams.length === 0 && !all) throw new DomainError('usage', 'Say from which team: --with TEAM, or --all');
    const api = await connect(io);
    const taken = await withSuggestions(api, { adapter: [adapter] }, () => takeFrom(api, adapter, all ? 'all' : teams));
    if (json) io.print(JSON.stringify({ adapter, taken }));
    else for (const team of taken) io.print(`${adapter} is not shared with ${team} any more.`);
    return exitCodes.done;
  },
});

async function takeFrom(api: ApiClient, adapter: string, asked: readonly string[] | 'all'): Promise<readonly string[]> {
  const teams =
    asked === 'all' ? (await api.call(listShares, { params: { adapter } })).items.map(({ team }) => team) : asked;
  for (const team of teams) await api.call(unshareAdapter, { params: { adapter, team } });
  return teams;
}

const sharesText = (shares: readonly Share[]): string =>
  tableText(
    ['team', 'since', 'by'],
    shares.map(({ team, since, sharedBy }) => [team, timeText(since), sharedBy]),
  );
