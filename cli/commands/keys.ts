import { createKey, listKeys, revokeKey, rotateKey, type ApiKey } from '../../shared/contract/keys.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { roles, scopes } from '../../shared/contract/scopes.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand, type CommandIo } from '../command.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { readWord, readWords } from '../read-words.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText, timeText } from '../table-text.ts';

/** `lorary keys`: who may call. */
export const keysLs = runCommand({
  name: 'keys',
  aliases: ['keys ls'],
  summary: 'List the API keys of the team.',
  usage: '[--service-account NAME]',
  examples: ['lorary keys', 'lorary keys --service-account ci'],
  flags: { 'service-account': { kind: 'text', value: 'NAME', help: 'those of this account only' } },
  async run({ flags: { 'service-account': serviceAccount }, json }, io) {
    const query = serviceAccount === undefined ? {} : { serviceAccount };
    const keys = await allPages(await connect(io), listKeys, { query });
    if (json) io.print(JSON.stringify({ keys }));
    else
      io.print(
        tableText(
          ['key', 'name', 'account', 'made', 'ends', 'last used', 'may do', 'adapters'],
          keys.map((key) => [
            key.id,
            key.name,
            key.serviceAccount ?? '-',
            timeText(key.createdAt),
            endText(key),
            key.lastUsedAt === null ? '-' : timeText(key.lastUsedAt),
            powerText(key),
            key.adapterPrefix === null ? 'all' : `${key.adapterPrefix}...`,
          ]),
        ),
      );
    return exitCodes.done;
  },
});

export const keysCreate = runCommand({
  name: 'keys create',
  summary: 'Make an API key. Its secret is shown this once.',
  usage: 'NAME (--role ROLE | --scope SCOPE ...) [--prefix PREFIX] [--service-account NAME] [--days N]',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: [
    `Roles: ${roles.join(', ')}. Scopes: ${scopes.join(', ')}.`,
    'A key of a service account has the role of that unless told otherwise. What each role may do: docs/access.md.',
  ],
  examples: [
    'lorary keys create ada --role contributor --days 90',
    'lorary keys create search-ci --scope adapters:read --scope jobs:run --prefix search-',
    'lorary keys create runner --service-account ci',
  ],
  flags: {
    role: { kind: 'text', value: 'ROLE', help: 'what it may do, by a role' },
    scope: { kind: 'text', value: 'SCOPE', multiple: true, help: 'what it may do, one by one' },
    prefix: { kind: 'text', value: 'PREFIX', help: 'only adapters whose names begin so exist for it' },
    'service-account': { kind: 'text', value: 'NAME', help: 'whose key it is' },
    days: { kind: 'number', value: 'N', help: 'until it ends [never]' },
  },
  async run({ words: [name = ''], flags, json }, io) {
    const { role, scope: asked, prefix, 'service-account': serviceAccount, days } = flags;
    if (role === undefined && asked.length === 0 && serviceAccount === undefined)
      throw new DomainError(
        'usage',
        `Say what it may do: --role ${roles.join('|')}, or --scope ${scopes.join(' --scope ')}`,
      );
    const body = {
      name,
      ...(role === undefined ? {} : { role: readWord('--role', role, roles) }),
      ...(asked.length === 0 ? {} : { scopes: readWords('--scope', asked, scopes) }),
      ...(prefix === undefined ? {} : { adapterPrefix: prefix }),
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
      ...(days === undefined ? {} : { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() }),
    };
    tellKey(await (await connect(io)).call(createKey, { body }), json, io);
    return exitCodes.done;
  },
});

export const keysRotate = runCommand({
  name: 'keys rotate',
  summary: 'Give an API key a new secret, shown this once. The old one ends at once, or after an overlap.',
  usage: 'KEY [--overlap SECONDS]',
  words: { what: 'KEY', min: 1, max: 1 },
  examples: ['lorary keys rotate 5f0c2a9d1b7e4f38', 'lorary keys rotate 5f0c2a9d1b7e4f38 --overlap 86400'],
  flags: { overlap: { kind: 'number', value: 'SECONDS', help: 'for how long the old secret goes on working [0]' } },
  async run({ words: [key = ''], flags: { overlap: overlapSeconds = 0 }, json }, io) {
    tellKey(await (await connect(io)).call(rotateKey, { params: { key }, body: { overlapSeconds } }), json, io);
    return exitCodes.done;
  },
});

export const keysRevoke = runCommand({
  name: 'keys revoke',
  summary: 'End an API key at once.',
  usage: 'KEY [--with-made]',
  words: { what: 'KEY', min: 1, max: 1 },
  notes: [
    'Links to files that were signed with it work for their few minutes, and jobs that it started go on: "lorary jobs", "lorary cancel".',
    '--with-made ends the keys that it made, and those that they made: for a key that has leaked.',
  ],
  examples: ['lorary keys revoke 5f0c2a9d1b7e4f38', 'lorary keys revoke 5f0c2a9d1b7e4f38 --with-made'],
  flags: { 'with-made': { kind: 'switch', help: 'also every key that it made' } },
  async run({ words: [key = ''], flags: { 'with-made': withMade }, json }, io) {
    const revoked = withMade ? await revokeWithMade(await connect(io), key) : [key];
    if (!withMade) await (await connect(io)).call(revokeKey, { params: { key } });
    if (json) io.print(JSON.stringify({ revoked: key, all: revoked }));
    else for (const id of revoked) io.print(`${id} opens nothing any more.`);
    return exitCodes.done;
  },
});

/** First the key itself, so that it makes no more; then what it made, as often as the list, which may lag behind, has something new. */
async function revokeWithMade(api: ApiClient, key: string): Promise<string[]> {
  await api.call(revokeKey, { params: { key } });
  const revoked = new Set([key]);
  for (;;) {
    const made = (await allPages(api, listKeys)).filter(
      ({ id, createdBy }) => revoked.has(createdBy) && !revoked.has(id),
    );
    if (made.length === 0) return [...revoked];
    for (const { id } of made) {
      await api.call(revokeKey, { params: { key: id } });
      revoked.add(id);
    }
  }
}

function tellKey({ key, secret }: OperationOutput<typeof createKey>, json: boolean, io: CommandIo): void {
  if (json) io.print(JSON.stringify({ key, secret }));
  else {
    io.note(`The key "${key.name}" (${key.id}). Keep it now, it is not shown again:`);
    io.print(secret ?? '');
    if (key.overlapEndsAt !== null) io.note(`The secret before works until ${timeText(key.overlapEndsAt)}.`);
  }
}

function endText({ revokedAt, expiresAt }: ApiKey): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt === null ? 'never' : timeText(expiresAt);
}

function powerText({ role, scopes: allowed }: ApiKey): string {
  return role ?? (allowed.length === scopes.length ? 'all' : allowed.join(' '));
}
