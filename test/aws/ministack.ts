import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { places } from './places.ts';
import { accountId, emulatorKey, emulatorSecret, region } from './targets.ts';

export interface MiniStackOptions {
  /** For what it keeps. */
  readonly folder: string;
  readonly port: number;
  readonly batchPort: number;
}

export interface MiniStackStart {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly certificate: string;
}

/**
 * How MiniStack is started: over TLS, because the bucket's policy refuses all else, and with every signature and policy checked as IAM
 * does. Functions are processes of this machine's Node and inherit this environment, so that they find the Batch of the tests.
 */
export async function miniStackStart({ folder, port, batchPort }: MiniStackOptions): Promise<MiniStackStart> {
  const { certificate, key } = await makeCertificate(folder);
  // its functions are started by a script in the older kind of module, which the repository around says it is not
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  return {
    file: join(places.ministack, 'bin', 'python'),
    args: [fileURLToPath(new URL('start_ministack.py', import.meta.url))],
    certificate,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      TMPDIR: folder,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      USE_SSL: '1',
      MINISTACK_SSL_CERT: certificate,
      MINISTACK_SSL_KEY: key,
      AUTH: 'true',
      LAMBDA_EXECUTOR: 'local',
      // between the tries of an event that a function fails on; AWS takes minutes
      LAMBDA_ASYNC_RETRY_BASE_SECONDS: '0.1',
      MINISTACK_ACCOUNT_ID: accountId,
      MINISTACK_REGION: region,
      AWS_ACCESS_KEY_ID: emulatorKey,
      AWS_SECRET_ACCESS_KEY: emulatorSecret,
      AWS_ENDPOINT_URL_BATCH: `http://127.0.0.1:${batchPort}`,
      NODE_NO_WARNINGS: '1',
      LOG_LEVEL: 'WARNING',
    },
  };
}

/** For the address and for the names that it gives to APIs and distributions. */
async function makeCertificate(folder: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const names = 'subjectAltName=DNS:localhost,DNS:*.execute-api.localhost,DNS:*.cloudfront.net,IP:127.0.0.1';
  const settings = ['-subj', '/CN=emulator', '-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE'];
  const pair = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate];
  await promisify(execFile)('openssl', ['req', '-x509', ...pair, '-days', '7', ...settings]);
  return { certificate, key };
}
