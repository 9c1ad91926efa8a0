import { withdrawVersion } from '../../shared/contract/versions.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName, splitVersionName } from '../server/version-name.ts';

/** `lorary withdraw`: a version should no longer be used. */
export const withdraw = runCommand({
  name: 'withdraw',
  summary: 'Say that a version should no longer be used; by its number it stays readable.',
  usage: 'NAME@VERSION --reason TEXT',
  words: { what: 'NAME@VERSION', min: 1, max: 1 },
  notes: ['"latest" moves back to the newest version that is left; other aliases must point elsewhere first.'],
  examples: ['lorary withdraw french@3 --reason "learnt from wrong rows"'],
  flags: { reason: { kind: 'text', value: 'TEXT', help: 'why, for those who use it' } },
  async run({ words: [text = ''], flags: { reason }, json }, io) {
    if (reason === undefined) throw new DomainError('usage', 'Say why, for those who use it: --reason TEXT');
    if (splitVersionName(text).version === undefined)
      throw new DomainError(
        'usage',
        `Say which version of ${text} it is: lorary withdraw ${text}@VERSION --reason TEXT`,
      );
    const { adapter, version } = parseVersionName(text);
    const api = await connect(io);
    const withdrawn = await withSuggestions(api, { adapter: [adapter] }, () =>
      api.call(withdrawVersion, { params: { adapter, version }, body: { reason } }),
    );
    io.print(
      json ? JSON.stringify({ version: withdrawn }) : `${adapter}@${withdrawn.version ?? version} is withdrawn.`,
    );
    return exitCodes.done;
  },
});
