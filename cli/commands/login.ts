import { whoAmI } from '../../shared/contract/keys.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { ask } from '../ask.ts';
import { runCommand } from '../command.ts';
import { connectTo } from '../server/connect.ts';
import { credentialsPath, findKey, storeCredentials } from '../server/credentials.ts';

/** `lorary login`: remembers a server and a key, once the server has taken them. */
export const login = runCommand({
  name: 'login',
  summary: 'Remember a server and a key in this folder, once the server has taken the key.',
  usage: '[--url URL] [--key KEY]',
  notes: [
    'What is missing is asked for, the key not where there was a login before: a login at another server forgets none. They are kept in',
    'LORARY_CONFIG, or credentials.json of the data folder (LORARY_DATA, or .lorary here), which only you can read. LORARY_URL and LORARY_KEY',
    'go before what is kept. After "lorary up" no login is needed on the same machine.',
  ],
  examples: ['lorary login --url https://lorary.example.com', 'lorary login --url http://127.0.0.1:7411 --key lry_...'],
  flags: {
    url: { kind: 'text', value: 'URL', help: 'where the server answers' },
    key: { kind: 'text', value: 'KEY', help: 'an API key; better typed when asked, since others see a command line' },
  },
  async run({ flags, json }, io) {
    const url = (flags.url ?? (await ask('Server (http://...): ', '--url URL and --key KEY')))
      .trim()
      .replace(/\/+$/, '');
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw new DomainError('usage', `"${url}" is no address of a server; wanted is --url http://HOST:PORT`);
    const known = flags.key === undefined ? await findKey(io.environment, url) : undefined;
    const asked = async (): Promise<string> => flags.key ?? ask('Key (lry_...): ', '--key KEY', true);
    const { key, who } = await enter(url, known, asked);
    const path = credentialsPath(io.environment);
    await storeCredentials(path, { url, key });
    io.print(
      json
        ? JSON.stringify({ url, ...who, storedIn: path })
        : `Team ${who.team} at ${url}, key "${who.key.name}" (${who.key.scopes.join(', ')}). Stored in ${path}`,
    );
    return exitCodes.done;
  },
});

/** The key that the server takes: the one that is known of it, unless that opens nothing any more. */
async function enter(
  url: string,
  known: string | undefined,
  asked: () => Promise<string>,
): Promise<{ readonly key: string; readonly who: OperationOutput<typeof whoAmI> }> {
  const key = known ?? (await asked()).trim();
  try {
    return { key, who: await connectTo({ url, key }).call(whoAmI, {}) };
  } catch (error) {
    if (known === undefined || !(error instanceof DomainError) || error.code !== 'unauthenticated') throw error;
    return enter(url, undefined, asked);
  }
}
