import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../../shared/errors.ts';
import type { CommandIo } from '../command.ts';

const credentialsSchema = z.object({ url: z.url({ protocol: /^https?$/ }), key: z.string().min(1) });
/** Where a server is and what opens it. */
export type Credentials = z.output<typeof credentialsSchema>;

/** What a login has stored: the server that this user works with, and those before it, whose keys may stand nowhere else. */
const storedSchema = credentialsSchema.extend({ others: z.array(credentialsSchema).optional() });

export type Environment = CommandIo['environment'];

/** Where the platform of this machine keeps its data: `LORARY_DATA`, or `.lorary` in the folder the user stands in. */
export function dataFolder(environment: Environment): string {
  return resolve(environment['LORARY_DATA'] || '.lorary'); // an empty setting is none
}

/** `LORARY_CONFIG`, or `credentials.json` in the data folder: nothing is written outside the project unless it is asked for. */
export function credentialsPath(environment: Environment): string {
  const asked = environment['LORARY_CONFIG'];
  return asked ? resolve(asked) : join(dataFolder(environment), 'credentials.json');
}

/**
 * `LORARY_URL` and `LORARY_KEY`, each before what `lorary login` or `lorary up` has stored. Throws `DomainError('no-server')`, and
 * `DomainError('credentials')` when the file is not what they wrote.
 */
export async function findCredentials(environment: Environment): Promise<Credentials> {
  const stored = await readStored(credentialsPath(environment));
  const url = environment['LORARY_URL'] || stored?.url;
  const key = environment['LORARY_KEY'] || stored?.key;
  if (url === undefined)
    throw new DomainError(
      'no-server',
      'No server is known in this folder; start one with: lorary up\nOr name one that runs elsewhere with: lorary login --url URL --key KEY',
    );
  if (key === undefined)
    throw new DomainError(
      'no-server',
      `There is no key for ${url}; give one with: lorary login --url ${url} --key KEY`,
    );
  const parsed = credentialsSchema.safeParse({ url, key });
  if (parsed.success) return parsed.data;
  throw new DomainError('no-server', `LORARY_URL is "${url}"; wanted is the address of a server, http://HOST:PORT.`);
}

/** The key for a server that there was a login at; that of the environment where it names this server. */
export async function findKey(environment: Environment, url: string): Promise<string | undefined> {
  const { LORARY_URL: givenUrl, LORARY_KEY: givenKey } = environment;
  if (givenKey && givenUrl === url) return givenKey;
  const stored = await readStored(credentialsPath(environment));
  return [...(stored ? [stored] : []), ...(stored?.others ?? [])].find((known) => known.url === url)?.key;
}

/** Only this user can read the file; it is never there half written. The login before, at another server, stays among the others. */
export async function storeCredentials(path: string, credentials: Credentials): Promise<void> {
  const before = await readStored(path).catch(() => undefined);
  const known = before ? [{ url: before.url, key: before.key }, ...(before.others ?? [])] : [];
  const others = known.filter(({ url }) => url !== credentials.url);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ ...credentials, ...(others.length > 0 ? { others } : {}) })}\n`, {
    mode: 0o600,
  });
  await chmod(temporary, 0o600); // a file that was there before keeps its own mode
  await rename(temporary, path);
}

async function readStored(path: string): Promise<z.output<typeof storedSchema> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DomainError('credentials', `${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    return storedSchema.parse(JSON.parse(text));
  } catch {
    throw new DomainError('credentials', `${path} does not hold a url and a key; write it anew with: lorary login`);
  }
}
