import { listAdapters } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listSharedAdapters } from '../../shared/contract/shares.ts';
import { listVersions } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { tableText, timeText } from '../table-text.ts';
import { sizeText } from '../transfers/transfer-view.ts';

/** `lorary ls`: adapters, or the versions of one. */
export const ls = runCommand({
  name: 'ls',
  summary: 'List the adapters of the server, those that other teams share, or the versions of one.',
  usage: '[NAME] [flags]',
  words: { what: 'NAME', min: 0, max: 1 },
  examples: ['lorary ls', 'lorary ls french', 'lorary ls --base tiny --text polite', 'lorary ls --shared'],
  flags: {
    base: { kind: 'text', value: 'BASE', help: 'only adapters of this base' },
    tag: { kind: 'text', value: 'TAG', help: 'only adapters with this tag' },
    text: { kind: 'text', value: 'TEXT', help: 'only adapters with this in name or description' },
    shared: { kind: 'switch', help: 'those that other teams share with this one' },
  },
  async run({ words: [adapter], flags: { base, tag, text, shared }, json }, io) {
    const api = await connect(io);
    if (shared) return listShared(api, json, io);
    if (adapter !== undefined) {
      const params = { adapter };
      const versions = await withSuggestions(api, { adapter: [adapter] }, () =>
        allPages(api, listVersions, { params }),
      );
      if (json) io.print(JSON.stringify({ versions }));
      else if (versions.length === 0)
        io.note(`${adapter} has no versions yet. Send one with: lorary push FOLDER --name ${adapter}`);
      else
        io.print(
          tableText(
            ['version', 'state', 'origin', 'aliases', 'size', 'made', 'checks'],
            versions.map(({ version, id, state, lineage, aliases, sizeBytes, createdAt, checks }) => [
              String(version ?? id),
              state,
              lineage.origin,
              aliases.join(' ') || '-',
              sizeText(sizeBytes),
              timeText(createdAt),
              checks?.summary ?? '-',
            ]),
          ),
        );
      return exitCodes.done;
    }
    const query = Object.fromEntries(Object.entries({ base, tag, text }).filter(([, value]) => value !== undefined));
    const adapters = await allPages(api, listAdapters, { query });
    if (json) io.print(JSON.stringify({ adapters }));
    else if (adapters.length === 0)
      io.note('There are none. Send one with: lorary push FOLDER, or make one with: lorary train');
    else
      io.print(
        tableText(
          ['name', 'base', 'versions', 'aliases', 'changed', 'description'],
          adapters.map(({ name, base, versions, aliases, updatedAt, description }) => [
            name,
            base,
            versions,
            Object.entries(aliases)
              .map(([alias, version]) => `${alias}=${version}`)
              .join(' ') || '-',
            timeText(updatedAt),
            description.slice(0, 60),
          ]),
        ),
      );
    return exitCodes.done;
  },
});

async function listShared(api: ApiClient, json: boolean, io: CommandIo): Promise<number> {
  const shared = await allPages(api, listSharedAdapters);
  if (json) io.print(JSON.stringify({ shared }));
  else if (shared.length === 0) io.note('No team shares an adapter with this one.');
  else
    io.print(
      tableText(
        ['name', 'shared since', 'base there', 'versions', 'description'],
        shared.map(({ since, adapter: { name, base, versions, description } }) => [
          name,
          timeText(since),
          base,
          versions,
          description.slice(0, 60),
        ]),
      ),
    );
  return exitCodes.done;
}
