import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listBases } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getAdapter } from '../../shared/contract/adapters.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { allPages } from '../server/all-pages.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { pushAdapter } from '../server/push-adapter.ts';

/** `lorary push`: an adapter's folder becomes a version. */
export const push = runCommand({
  name: 'push',
  summary: 'Send the folder of an adapter as a new version, and wait until it is checked.',
  usage: 'FOLDER [--name NAME] [--base BASE] [flags]',
  words: { what: 'FOLDER', min: 1, max: 1 },
  notes: [
    'An upload that was interrupted goes on where it was when the same call is made again; files that are a version already are not sent',
    'again. A version is checked against its base before it is published; everything that is wrong is told at once.',
  ],
  examples: [
    'lorary push adapters/french --base tiny',
    'lorary push adapters/french --alias staging --notes "more rows"',
  ],
  flags: {
    name: { kind: 'text', value: 'NAME', help: 'the adapter [after the folder]' },
    base: { kind: 'text', value: 'BASE', help: 'name of its base [of the adapter, or what the folder says]' },
    notes: { kind: 'text', value: 'TEXT', help: 'what is new in this version' },
    alias: { kind: 'text', value: 'ALIAS', multiple: true, help: 'points to it once it is published' },
  },
  async run({ words: [folder = ''], flags, json }, io) {
    const api = await connect(io);
    const adapter = flags.name ?? nameOfFile(folder);
    if (adapter === undefined)
      throw new DomainError('usage', `No name can be made from ${folder}: give one with --name NAME`);
    const base = flags.base ?? (await guessBase(api, adapter, folder));
    const { notes = '', alias: aliases } = flags;
    const { version, wasThere } = await pushAdapter(api, folder, { adapter, base, notes, aliases, json }, io);
    if (json) io.print(JSON.stringify({ version, wasThere }));
    const published = version.state === 'published';
    if (!json) {
      const name = `${adapter}@${version.version ?? version.id}`;
      if (published && wasThere) io.print(`These files are ${name} already; nothing was sent.`);
      else if (published) io.print(`${name} is published: ${version.checks?.summary ?? 'checked'}.`);
      else io.note(`The files were refused as a version of ${adapter}:`);
      for (const finding of asFindings(version.findings)) io.note(`  ${finding.severity}: ${findingText(finding)}`);
      if (published) io.print(`Look at it with: lorary show ${name}`);
    }
    return published ? exitCodes.done : exitCodes.refused;
  },
});

/** Undefined for an adapter that is there and so has its base. A new one names its base in its config; a base of that name, or the only one, is taken. */
async function guessBase(api: ApiClient, adapter: string, folder: string): Promise<string | undefined> {
  try {
    await api.call(getAdapter, { params: { adapter } });
    return undefined;
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'not-found')) throw error;
  }
  const said = nameOfFile(await baseInConfig(folder));
  const bases = (await allPages(api, listBases)).map(({ name }) => name);
  if (said !== undefined && bases.includes(said)) return said;
  const [only] = bases;
  if (bases.length === 1 && only !== undefined) return only;
  throw new DomainError(
    'usage',
    `${adapter} is new: say which base it belongs to with --base ${bases.length > 0 ? bases.join(' or --base ') : 'BASE'}`,
  );
}

async function baseInConfig(folder: string): Promise<string> {
  try {
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    const { base_model_name_or_path: base } = config; // whatever it is, only a text is looked at
    return typeof base === 'string' ? base : '';
  } catch {
    return ''; // what is wrong with the folder is told when it is read in earnest
  }
}
