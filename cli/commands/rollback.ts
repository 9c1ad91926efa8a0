import { rollbackAlias } from '../../shared/contract/adapters.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { splitVersionName } from '../server/version-name.ts';

/** `lorary rollback`: an alias points to where it pointed before. */
export const rollback = runCommand({
  name: 'rollback',
  summary: 'Point an alias back to the version it pointed to before.',
  usage: 'NAME ALIAS [--if-version N]',
  words: { what: 'NAME ALIAS', min: 1, max: 2 },
  examples: ['lorary rollback french production'],
  flags: { 'if-version': { kind: 'number', value: 'N', help: 'only if it points to this version now' } },
  async run({ words, flags: { 'if-version': only }, json }, io) {
    const { adapter, alias } = aliasOf(words);
    const api = await connect(io);
    const body = only === undefined ? {} : { ifVersion: only };
    const set = await withSuggestions(api, { adapter: [adapter] }, () =>
      api.call(rollbackAlias, { params: { adapter, alias }, body }),
    );
    io.print(json ? JSON.stringify(set) : `${adapter}@${alias} is version ${set.version ?? 'none'} again.`);
    return exitCodes.done;
  },
});

/** Of `NAME ALIAS`, or of `NAME@ALIAS` as other commands take it. */
function aliasOf([name = '', second]: readonly string[]): { readonly adapter: string; readonly alias: string } {
  if (second !== undefined) return { adapter: name, alias: second };
  const { name: adapter, version } = splitVersionName(name);
  if (version !== undefined && !/^\d*$/.test(version)) return { adapter, alias: version };
  const what = version === undefined ? 'Say which alias' : `${name} is a version, and an alias is what is moved back`;
  throw new DomainError('usage', `${what}: lorary rollback ${adapter} ALIAS (lorary show ${adapter} names them)`);
}
