import { resolve } from 'node:path';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { pushAll, type PushAllOptions } from '../library/push-all.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { guessBase } from '../server/guess-base.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { pushAdapter } from '../server/push-adapter.ts';

/** `lorary push`: an adapter's folder becomes a version; or a whole library moves. */
export const push = runCommand({
  name: 'push',
  summary:
    'Send the folder of an adapter as a new version and wait until it is checked, or a whole library to another server.',
  usage: 'FOLDER [--name NAME] [--base BASE] [flags] | --all --to URL [--dry-run]',
  words: { what: 'FOLDER', min: 0, max: 1 },
  notes: [
    'An upload that was interrupted goes on where it was when the same call is made again; files that are a version already are not sent',
    'again. A version is checked against its base before it is published; everything that is wrong is told at once.',
    '--all sends bases, datasets, adapters with all versions, compositions, aliases, tags and withdrawals to another server. What is there by',
    'its hash is not sent; nothing there is replaced or removed; interrupted, it goes on when it is called again. Keys, jobs, the audit and',
    'the history of aliases stay here; versions keep saying where they were made. Its key is --key, LORARY_TO_KEY, or that of a login there.',
  ],
  examples: [
    'lorary push adapters/french --base tiny',
    'lorary push adapters/french --alias staging --notes "more rows"',
    'lorary push --all --to https://lorary.example.com --dry-run',
  ],
  flags: {
    name: { kind: 'text', value: 'NAME', help: 'the adapter [after the folder]' },
    base: { kind: 'text', value: 'BASE', help: 'name of its base [of the adapter, or what the folder says]' },
    notes: { kind: 'text', value: 'TEXT', help: 'what is new in this version' },
    alias: { kind: 'text', value: 'ALIAS', multiple: true, help: 'points to it once it is published' },
    all: { kind: 'switch', help: 'the whole library of the server that "lorary" works with here' },
    to: { kind: 'text', value: 'URL', help: 'with --all: the server that it goes to' },
    from: {
      kind: 'text',
      value: 'URL',
      help: 'with --all: the server that has it, another one that there was a login at',
    },
    key: { kind: 'text', value: 'KEY', help: 'with --all: the key for --to; better typed when asked' },
    'dry-run': { kind: 'switch', help: 'with --all: only tell what would go, and how many bytes' },
  },
  async run({ words: [folder], flags, json }, io) {
    if (flags.all) return pushAll(readAll(folder, flags), json, io);
    const stray = (['to', 'from', 'key'] as const).filter((flag) => flags[flag] !== undefined);
    if (stray.length > 0 || flags['dry-run'])
      throw new DomainError('usage', `--${stray[0] ?? 'dry-run'} goes with --all: lorary push --all --to URL`);
    if (folder === undefined) throw new DomainError('usage', 'Say what to send: lorary push FOLDER, or --all --to URL');
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

/** Flags of the whole library; those of one folder mean nothing there. */
function readAll(
  folder: string | undefined,
  flags: Readonly<Record<'to' | 'from' | 'key' | 'name' | 'base' | 'notes', string | undefined>> & {
    readonly 'dry-run': boolean;
    readonly alias: readonly string[];
  },
): PushAllOptions {
  const { to, from, key, 'dry-run': dryRun } = flags;
  if (to === undefined) throw new DomainError('usage', 'Say where the library goes: lorary push --all --to URL');
  const stray = (['name', 'base', 'notes'] as const).find((flag) => flags[flag] !== undefined);
  const strange = folder ?? (stray ? `--${stray}` : flags.alias.length > 0 ? '--alias' : undefined);
  if (strange !== undefined)
    throw new DomainError('usage', `${strange} is of one folder: --all sends everything, under the names that it has.`);
  return { to, from, key, dryRun };
}
