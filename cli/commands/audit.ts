import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getSigningKey, listAudit } from '../../shared/contract/audit.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import type { SigningKey } from '../../shared/platform/ports.ts';
import { csvHead, csvLine } from '../audit/audit-text.ts';
import { timeOf, timeQuery } from '../audit/time-range.ts';
import { verifyAudit } from '../audit/verify-audit.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { readPublicKey } from '../signing/read-public-key.ts';
import { readTrustedKeys } from '../signing/trusted-keys.ts';
import { tableText, timeText } from '../table-text.ts';

const times = {
  from: { kind: 'text', value: 'TIME', help: 'in UTC, e.g. 2026-11-29 or 2026-11-29T18:00' },
  to: { kind: 'text', value: 'TIME', help: 'up to this [now]' },
} as const;

/** `lorary audit`: what was changed and what was refused. */
export const audit = runCommand({
  name: 'audit',
  summary: 'Tell what was changed and what was refused, by whom and from where, newest first.',
  usage: '[--day DAY | --from TIME [--to TIME]] [flags]',
  notes: [
    'Without a time it is today, in UTC. --json prints a line of JSON for each row (NDJSON), with all that is kept of it; --csv a table for',
    'spreadsheets. What a key was refused is kept too, the first 16 times a minute.',
  ],
  examples: [
    'lorary audit',
    'lorary audit --from 2026-11-01 --to 2026-12-01 --csv > november.csv',
    'lorary audit --day 2026-11-29 --resource adapters/french --action alias',
  ],
  flags: {
    day: { kind: 'text', value: 'DAY', help: 'of this day, in UTC [today]' },
    ...times,
    key: { kind: 'text', value: 'KEY', help: 'only what this key did' },
    action: { kind: 'text', value: 'ACTION', help: 'only this, e.g. alias.set, or alias for all of them' },
    resource: { kind: 'text', value: 'RESOURCE', help: 'only of this and what is below it, e.g. adapters/french' },
    denied: { kind: 'switch', help: 'only what was refused' },
    csv: { kind: 'switch', help: 'as CSV' },
  },
  async run({ flags: { day, from, to, key, action, resource, denied, csv }, json }, io) {
    if (csv && json) throw new DomainError('usage', 'Say either --csv or --json.');
    const chosen = { key, action, resource, outcome: denied ? ('denied' as const) : undefined };
    const query = { ...timeQuery({ day, from, to }, Date.now()), ...chosen };
    const rows = await allPages(await connect(io), listAudit, { query });
    if (json) for (const row of rows) io.print(JSON.stringify(row));
    else if (csv) for (const line of [csvHead, ...rows.map(csvLine)]) io.print(line);
    else if (rows.length === 0) io.note('There is nothing in that time.');
    else
      io.print(
        tableText(
          ['at', 'key', 'from', 'action', 'resource', 'detail'],
          rows.map((row) => [
            timeText(row.at),
            row.team === undefined ? row.keyId : `${row.keyId} of ${row.team}`,
            row.from?.address ?? '-',
            row.outcome === 'denied' ? `DENIED ${row.action}` : row.action,
            row.resource,
            row.detail ? JSON.stringify(row.detail).slice(0, 100) : '-',
          ]),
        ),
      );
    return exitCodes.done;
  },
});

/** `lorary audit verify`: whether anything was changed afterwards. */
export const auditVerify = runCommand({
  name: 'audit verify',
  summary: 'Check that no row of the audit was changed, dropped or added after its hour was over.',
  usage: '[--from TIME] [--to TIME] [--key FILE] [--seen NUMBER:HASH]',
  notes: [
    'Each hour is sealed some minutes after its end: a hash over its rows, chained to the seal before, signed by the platform. Signatures',
    'have to be by a key that was trusted before (lorary keys trust), or by --key. Keep what is printed at the end and give it as --seen the',
    'next time: a chain that was cut off or made anew shows by that alone.',
  ],
  examples: ['lorary audit verify', 'lorary audit verify --from 2026-11-01 --key platform-key.json --seen 412:9f2c...'],
  flags: {
    ...times,
    key: {
      kind: 'path',
      value: 'FILE',
      help: 'public key that they have to be signed by [those that are trusted, else that of the server]',
    },
    seen: { kind: 'text', value: 'NUMBER:HASH', help: 'what was printed the last time' },
  },
  async run({ flags: { from, to, key, seen }, json }, io) {
    const api = await connect(io);
    const verdict = await verifyAudit(api, {
      ...(from === undefined ? {} : { from: timeOf('--from', from).slice(0, 13) }),
      ...(to === undefined ? {} : { to: timeOf('--to', to).slice(0, 13) }),
      ...(seen === undefined ? {} : { seen: seenOf(seen) }),
      keys: key === undefined ? await pinnedKeys(api, io) : [await readPublicKey(key)],
    });
    const { findings, seals, hours, rows, unsigned, last } = verdict;
    if (json) io.print(JSON.stringify(verdict));
    else {
      for (const { where = '', message } of findings) io.print(`${where}: ${message}`);
      if (unsigned > 0)
        io.note(`${unsigned} of ${seals} seals are not signed: who can write the records could make them anew.`);
      if (findings.length === 0 && last)
        io.print(`${rows} rows of ${hours} hours are what was sealed; ${seals} seals in one chain.`);
      if (last) io.print(`Next time: --seen ${last.number}:${last.hash}`);
      else io.note('Nothing is sealed yet: an hour is, some minutes after its end.');
    }
    return findings.length === 0 ? exitCodes.done : exitCodes.refused;
  },
});

/** The keys that are trusted here, or else the one that the server says it signs with. */
async function pinnedKeys(api: ApiClient, io: CommandIo): Promise<readonly SigningKey[]> {
  const trusted = await readTrustedKeys(io.environment);
  if (trusted.length > 0) return trusted;
  try {
    const key = await api.call(getSigningKey, {});
    io.note(
      `No key is trusted here: that of the server is believed, ${key.keyId.slice(0, 16)}. Pin it: lorary keys trust`,
    );
    return [key];
  } catch (error) {
    if (error instanceof DomainError && error.code === 'nothing-signs') return [];
    throw error;
  }
}

function seenOf(text: string): { readonly number: number; readonly hash: string } {
  const [, number, hash = ''] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined) throw new DomainError('usage', `--seen is NUMBER:HASH as it was printed, not "${text}".`);
  return { number: Number(number), hash };
}
