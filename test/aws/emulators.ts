import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { places } from './places.ts';
import { emulatorKey, emulatorSecret, type Endpoints } from './targets.ts';

export interface RunningEmulators {
  readonly endpoints: Endpoints;
  readonly stop: () => Promise<void>;
}

/** Starts all emulators on free ports. DynamoDB Local listens on every interface: call it in a network namespace of its own. */
export async function startEmulators(): Promise<RunningEmulators> {
  const data = join(places.cache, 'data');
  await rm(data, { recursive: true, force: true });
  for (const folder of ['objects', 'versions', 'sidecar']) await mkdir(join(data, folder), { recursive: true });
  const [dynamoPort, motoPort, gatewayPort] = [await freePort(), await freePort(), await freePort()];
  const log = await open(places.log, 'a');
  const children: ChildProcess[] = [];
  const start = (file: string, args: readonly string[]): void => {
    // nothing of this machine's own settings for AWS
    const env = { PATH: process.env['PATH'], HOME: data };
    children.push(spawn(file, args, { cwd: data, env, stdio: ['ignore', log.fd, log.fd] }));
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(endOf));
    await log.close();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const libraries = `-Djava.library.path=${join(places.dynamo, 'DynamoDBLocal_lib')}`;
    const jar = join(places.dynamo, 'DynamoDBLocal.jar');
    const memory = ['-inMemory', '-sharedDb', '-disableTelemetry'];
    start('java', [libraries, '-jar', jar, ...memory, '-port', String(dynamoPort)]);
    start(places.moto, ['-H', '127.0.0.1', '-p', String(motoPort)]);
    const listen = ['--port', `127.0.0.1:${gatewayPort}`, '--access', emulatorKey, '--secret', emulatorSecret];
    const folders = ['--versioning-dir', join(data, 'versions'), '--sidecar', join(data, 'sidecar')];
    start(join(places.gateway, 'versitygw'), [...listen, '--quiet', 'posix', ...folders, join(data, 'objects')]);
    for (const port of [dynamoPort, motoPort, gatewayPort]) await answers(port);
  } catch (error) {
    await stop();
    throw error;
  }
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const endpoints = {
    table: { 'dynamodb-local': at(dynamoPort) },
    blobs: { moto: at(motoPort), versitygw: at(gatewayPort) },
    events: { moto: at(motoPort) },
  };
  return { endpoints, stop };
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Waits until a server takes connections. */
async function answers(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer) return;
    if (tries > 300) throw new Error(`no emulator answers on port ${port}: see ${places.log}`);
    await setTimeout(100);
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
