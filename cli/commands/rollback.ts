import { rollbackAlias } from '../../shared/contract/adapters.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';

/** `lorary rollback`: an alias points to where it pointed before. */
export const rollback = runCommand({
  name: 'rollback',
  summary: 'Point an alias back to the version it pointed to before.',
  usage: 'NAME ALIAS [--if-version N]',
  words: { what: 'NAME ALIAS', min: 2, max: 2 },
  examples: ['lorary rollback french production'],
  flags: { 'if-version': { kind: 'number', value: 'N', help: 'only if it points to this version now' } },
  async run({ words: [adapter = '', alias = ''], flags: { 'if-version': only }, json }, io) {
    const api = await connect(io);
    const body = only === undefined ? {} : { ifVersion: only };
    const set = await withSuggestions(api, { adapter: [adapter] }, () =>
      api.call(rollbackAlias, { params: { adapter, alias }, body }),
    );
    io.print(json ? JSON.stringify(set) : `${adapter}@${alias} is version ${set.version ?? 'none'} again.`);
    return exitCodes.done;
  },
});
