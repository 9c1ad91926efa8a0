import { whoAmI } from '../../shared/contract/keys.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { ask } from '../ask.ts';
import { runCommand } from '../command.ts';
import { connectTo } from '../server/connect.ts';
import { credentialsPath, storeCredentials } from '../server/credentials.ts';

/** `lorary login`: remembers a server and a key, once the server has taken them. */
export const login = runCommand({
  name: 'login',
  summary: 'Remember a server and a key in this folder, once the server has taken the key.',
  usage: '[--url URL] [--key KEY]',
  notes: [
    'What is missing is asked for. They are kept in LORARY_CONFIG, or credentials.json of the data folder (LORARY_DATA, or .lorary here),',
    'which only you can read. LORARY_URL and LORARY_KEY go before what is kept. After "lorary up" no login is needed on the same machine.',
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
    const key = (flags.key ?? (await ask('Key (lry_...): ', '--key KEY', true))).trim();
    const who = await connectTo({ url, key }).call(whoAmI, {});
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
