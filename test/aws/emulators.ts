import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dynamoStart } from './dynamo-local.ts';
import { freePort, takesCalls } from './local-ports.ts';
import { miniStackStart } from './ministack.ts';
import { places } from './places.ts';
import { programGroup } from './program-group.ts';
import { emulatorKey, emulatorSecret, type Endpoints } from './targets.ts';

export interface RunningEmulators {
  readonly endpoints: Endpoints;
  readonly stop: () => Promise<void>;
}

/**
 * Starts emulators on free ports, with `stacks` also the one that stacks are deployed on. DynamoDB Local listens on every interface: call it
 * in a network namespace of its own.
 */
export async function startEmulators({ stacks = false } = {}): Promise<RunningEmulators> {
  const data = join(places.cache, 'data');
  await rm(data, { recursive: true, force: true });
  for (const folder of ['tmp', 'objects', 'versions', 'sidecar', 'ministack'])
    await mkdir(join(data, folder), { recursive: true });
  const [dynamoPort, motoPort, gatewayPort] = [await freePort(), await freePort(), await freePort()];
  const log = await open(places.log, 'a');
  const programs = programGroup({ cwd: data, output: log.fd });
  // nothing of this machine's own settings for AWS
  const bare: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: data, TMPDIR: join(data, 'tmp') };
  const start = (file: string, args: readonly string[], env = bare) => programs.start(file, args, env);
  const answers = (port: number): Promise<void> => Promise.race([takesCalls(port, places.log), programs.failure]);
  const stop = async (): Promise<void> => {
    await programs.stop();
    await log.close();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const dynamo = dynamoStart({ temporary: join(data, 'tmp'), port: dynamoPort });
    start(dynamo.file, dynamo.args);
    start(places.moto, ['-H', '127.0.0.1', '-p', String(motoPort)]);
    const listen = ['--port', `127.0.0.1:${gatewayPort}`, '--access', emulatorKey, '--secret', emulatorSecret];
    const folders = ['--versioning-dir', join(data, 'versions'), '--sidecar', join(data, 'sidecar')];
    start(join(places.gateway, 'versitygw'), [...listen, '--quiet', 'posix', ...folders, join(data, 'objects')]);
    for (const port of [dynamoPort, motoPort, gatewayPort]) await answers(port);
    const at = (port: number): string => `http://127.0.0.1:${port}`;
    const endpoints: Endpoints = {
      table: { 'dynamodb-local': at(dynamoPort) },
      blobs: { moto: at(motoPort), versitygw: at(gatewayPort) },
      events: { moto: at(motoPort) },
      keys: {},
    };
    if (!stacks) return { endpoints, stop };
    const [port, batchPort] = [await freePort(), await freePort()];
    const { file, args, env, certificate } = await miniStackStart({ folder: join(data, 'ministack'), port, batchPort });
    start(file, args, { ...env });
    await answers(port);
    const url = `https://127.0.0.1:${port}`;
    return { endpoints: { ...endpoints, keys: { ministack: url }, stacks: { url, certificate, batchPort } }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
