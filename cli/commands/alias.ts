import { deleteAlias, getAdapter, setAlias } from '../../shared/contract/adapters.ts';
import { getVersion } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import { tableText } from '../table-text.ts';

/** `lorary alias`: names that point to versions. */
export const alias = runCommand({
  name: 'alias',
  summary: 'Point an alias to a version, remove it, or list those of an adapter.',
  usage: 'NAME[@VERSION] [ALIAS] [flags]',
  words: { what: 'NAME', min: 1, max: 2 },
  examples: ['lorary alias french@3 production', 'lorary alias french', 'lorary alias french staging --remove'],
  flags: {
    'if-version': {
      kind: 'number',
      value: 'N',
      help: 'only if it points to this version now; 0: only if it does not exist',
    },
    evaluation: { kind: 'text', value: 'JOB', help: 'that has evaluated it, for an alias with a gate' },
    remove: { kind: 'switch', help: 'remove the alias; its history stays' },
  },
  async run({ words: [text = '', aliasName], flags, json }, io) {
    const api = await connect(io);
    const { adapter, version } = parseVersionName(text);
    const names = { adapter: [adapter] };
    if (aliasName === undefined) {
      const { aliases } = await withSuggestions(api, names, () => api.call(getAdapter, { params: { adapter } }));
      if (json) io.print(JSON.stringify({ aliases }));
      else io.print(tableText(['alias', 'version'], Object.entries(aliases)));
      return exitCodes.done;
    }
    const params = { adapter, alias: aliasName };
    if (flags.remove) {
      await withSuggestions(api, names, () => api.call(deleteAlias, { params }));
      io.print(
        json ? JSON.stringify({ alias: aliasName, version: null }) : `${adapter} has no alias ${aliasName} any more.`,
      );
      return exitCodes.done;
    }
    const target = await withSuggestions(api, names, () => api.call(getVersion, { params: { adapter, version } }));
    if (target.version === null) throw new DomainError('not-published', `${text} is not published (${target.state}).`);
    const { 'if-version': only, evaluation } = flags;
    const gate = evaluation === undefined ? {} : { evaluation };
    const body = {
      version: target.version,
      ...gate,
      ...(only === undefined ? {} : { ifVersion: only === 0 ? null : only }),
    };
    const set = await api.call(setAlias, { params, body });
    io.print(
      json
        ? JSON.stringify(set)
        : `${adapter}@${aliasName} is version ${set.version}. Back with: lorary rollback ${adapter} ${aliasName}`,
    );
    return exitCodes.done;
  },
});
