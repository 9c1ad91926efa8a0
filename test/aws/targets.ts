/** Where emulators answer, by name. */
export interface Endpoints {
  /** For records. */
  readonly table: Readonly<Record<string, string>>;
  /** For blobs: each case must hold on at least one. */
  readonly blobs: Readonly<Record<string, string>>;
  readonly events: Readonly<Record<string, string>>;
  /** For keys that sign; moto signs something else than what it is sent. */
  readonly keys: Readonly<Record<string, string>>;
  /** One that whole stacks are deployed on; absent where somebody else has started the server. */
  readonly stacks?: StacksEndpoint;
}

export interface StacksEndpoint {
  readonly url: string;
  /** What it shows itself by, as a file. */
  readonly certificate: string;
  /** Where its functions look for Batch, which it does not have. */
  readonly batchPort: number;
}

export const region = 'us-east-1';
export const accountId = '123456789012';

/** What no emulator keeps secret. */
export const emulatorKey = process.env['AWS_ACCESS_KEY_ID'] ?? 'test';
export const emulatorSecret = process.env['AWS_SECRET_ACCESS_KEY'] ?? 'test-secret';

/** How the endpoints come to the tests. */
export const endpointsVariable = 'LORARY_TEST_ENDPOINTS';

export function readEndpoints(environment: NodeJS.ProcessEnv = process.env): Endpoints {
  const text = environment[endpointsVariable];
  if (text === undefined) throw new Error(`${endpointsVariable} is not set: start these tests by "npm run test:aws"`);
  return JSON.parse(text) as Endpoints;
}

/** One server for everything, which somebody else has started. */
export const givenEndpoint = (url: string): Endpoints => ({
  table: { given: url },
  blobs: { given: url },
  events: { given: url },
  keys: { given: url },
});

/** The table that needs no more than one: where it is, and its name in the report. */
export function theTable({ table }: Endpoints): { readonly emulator: string; readonly dynamo: string } {
  const [found] = Object.entries(table);
  if (!found) throw new Error('no table was given');
  return { emulator: found[0], dynamo: found[1] };
}
