import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache', 'aws');

/** Everything that these tests download or make; the whole folder may be deleted at any time. */
export const places = {
  root,
  cache,
  /** Output of the commands that were run and of the emulators. */
  log: join(cache, 'log.txt'),
  venv: join(cache, 'venv'),
  moto: join(cache, 'venv', 'bin', 'moto_server'),
  /** Programs of the emulator that whole stacks are deployed on. */
  ministack: join(cache, 'ministack'),
  /** Stands in for the file of this machine while the tests run; names of what is deployed are added to it. */
  hosts: join(cache, 'hosts'),
  /** Holds the jar and its native libraries. */
  dynamo: join(cache, 'dynamodb-local'),
  /** The S3 server, as a Go program. */
  gateway: join(cache, 'gateway'),
  /** What Vitest says. */
  results: join(cache, 'results.json'),
  /** What was found: read by people and by CI. */
  report: join(root, 'aws-report.json'),
} as const;
