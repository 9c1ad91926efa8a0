import { resolve } from 'node:path';
import type { Adopt } from '../commands/check.ts';
import { errorText, findingText } from '../error-text.ts';
import { DomainError } from '../../shared/errors.ts';
import { asFindings } from './as-findings.ts';
import { connect } from './connect.ts';
import { guessBase } from './guess-base.ts';
import { nameOfFile } from './name-of-file.ts';
import { pushAdapter } from './push-adapter.ts';

/** Brings an adapter that was found good to the server, under the name of its folder. One that cannot come does not stop the others. */
export const adopt: Adopt = async ({ adapter: label, folder }, io) => {
  const api = await connect(io);
  const adapter = nameOfFile(resolve(label));
  if (adapter === undefined)
    return `${label}: not adopted, since no name can be made from it; lorary push --name NAME gives one`;
  try {
    const base = await guessBase(api, adapter, folder);
    const settings = { adapter, base, notes: '', aliases: [], json: false };
    const { version, wasThere } = await pushAdapter(api, folder, settings, io);
    const name = `${adapter}@${version.version ?? version.id}`;
    if (version.state === 'published') return `${label}: ${wasThere ? 'is there already' : 'adopted'} as ${name}`;
    const [first] = asFindings(version.findings);
    return `${label}: refused by the server${first ? `: ${findingText(first)}` : ''}`;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return `${label}: not adopted: ${errorText(error)}`;
  }
};
