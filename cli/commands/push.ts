import { resolve } from 'node:path';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { guessBase } from '../server/guess-base.ts';
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
    const adapter = flags.name ?? nameOfFile(resolve(folder));
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
