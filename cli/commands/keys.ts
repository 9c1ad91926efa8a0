import { createKey, listKeys, revokeKey } from '../../shared/contract/keys.ts';
import { scopes, type Scope } from '../../shared/contract/scopes.ts';
import { nearestWord } from '../../shared/contract/specs/nearest-word.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError, type Finding, refuseErrors } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { allPages } from '../server/all-pages.ts';
import { connect } from '../server/connect.ts';
import { tableText, timeText } from '../table-text.ts';

/** `lorary keys`: who may call. */
export const keysLs = runCommand({
  name: 'keys',
  summary: 'List the API keys of the team.',
  usage: '',
  examples: ['lorary keys'],
  flags: {},
  async run({ json }, io) {
    const keys = await allPages(await connect(io), listKeys);
    if (json) io.print(JSON.stringify({ keys }));
    else
      io.print(
        tableText(
          ['key', 'name', 'made', 'ends', 'scopes'],
          keys.map(({ id, name, createdAt, expiresAt, revokedAt, scopes: allowed }) => [
            id,
            name,
            timeText(createdAt),
            revokedAt === null ? (expiresAt === null ? 'never' : timeText(expiresAt)) : 'revoked',
            allowed.length === scopes.length ? 'all' : allowed.join(' '),
          ]),
        ),
      );
    return exitCodes.done;
  },
});

export const keysCreate = runCommand({
  name: 'keys create',
  summary: 'Make an API key. Its secret is shown this once.',
  usage: 'NAME --scope SCOPE ... [--days N]',
  words: { what: 'NAME', min: 1, max: 1 },
  notes: [`Scopes: ${scopes.join(', ')}.`],
  examples: ['lorary keys create ci --scope adapters:read --scope jobs:run --days 90'],
  flags: {
    scope: { kind: 'text', value: 'SCOPE', multiple: true, help: 'what it may do' },
    days: { kind: 'number', value: 'N', help: 'until it ends [never]' },
  },
  async run({ words: [name = ''], flags: { scope: asked, days }, json }, io) {
    const allowed = readScopes(asked);
    const expiresAt = days === undefined ? {} : { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() };
    const made = await (await connect(io)).call(createKey, { body: { name, scopes: allowed, ...expiresAt } });
    if (json) io.print(JSON.stringify(made));
    else {
      io.note(`The key "${made.key.name}" (${made.key.id}). Keep it now, it is not shown again:`);
      io.print(made.secret ?? '');
    }
    return exitCodes.done;
  },
});

export const keysRevoke = runCommand({
  name: 'keys revoke',
  summary: 'End an API key at once.',
  usage: 'KEY',
  words: { what: 'KEY', min: 1, max: 1 },
  examples: ['lorary keys revoke 4x8m2k7q'],
  flags: {},
  async run({ words: [key = ''], json }, io) {
    await (await connect(io)).call(revokeKey, { params: { key } });
    io.print(json ? JSON.stringify({ revoked: key }) : `${key} opens nothing any more.`);
    return exitCodes.done;
  },
});

function readScopes(asked: readonly string[]): Scope[] {
  if (asked.length === 0) throw new DomainError('usage', `Say what it may do: --scope ${scopes.join(' --scope ')}`);
  const unknown = asked.filter((scope) => !scopes.some((known) => known === scope));
  const findings = unknown.map((scope): Finding => {
    const nearest = nearestWord(scope, scopes);
    const hint = nearest === undefined ? `; there are ${scopes.join(', ')}` : `; did you mean ${nearest}?`;
    return { severity: 'error', code: 'usage', where: '--scope', message: `${scope} is no scope${hint}` };
  });
  refuseErrors('usage', 'lorary keys create was not understood:', findings);
  return scopes.filter((known) => asked.includes(known));
}
