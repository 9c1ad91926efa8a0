import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createApiClient, type ApiClient } from '../../shared/contract/api-client.ts';
import type { CommandIo } from '../command.ts';
import { findCredentials, type Credentials } from './credentials.ts';
import { failureOf } from './failure.ts';

/** The server that this user works with. What goes wrong in a call is a `DomainError` or an `UnavailableError`, in words for people. */
export async function connect(io: Pick<CommandIo, 'environment'>): Promise<ApiClient> {
  return connectTo(await findCredentials(io.environment));
}

export function connectTo({ url, key }: Credentials): ApiClient {
  const client = createApiClient({
    url,
    key,
    newId: () => randomUUID(),
    wait: (milliseconds) => delay(milliseconds),
  });
  const told = (error: unknown): never => {
    throw failureOf(error, url);
  };
  return {
    url,
    call: (operation, input) => client.call(operation, input).catch(told),
    fetch: (path, init) => client.fetch(path, init).catch(told),
  };
}
