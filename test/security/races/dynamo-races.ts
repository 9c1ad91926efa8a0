/** One race on DynamoDB Local, which it starts: `dynamo-races.ts <seed> [no-conditions]`. Prints what was found, as JSON. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dynamoStart } from '../../aws/dynamo-local.ts';
import { freePort, takesCalls } from '../../aws/local-ports.ts';
import { places } from '../../aws/places.ts';
import { programGroup } from '../../aws/program-group.ts';
import { createTable } from '../../aws/test-clients.ts';
import { holdRaces } from './hold-races.ts';
import { raceClients } from './race-place.ts';
import { readDynamo } from './read-dynamo.ts';

const [seed = '1', fault] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'lorary-races-'));
const log = await open(places.log, 'a');
const programs = programGroup({ cwd: folder, output: log.fd });
try {
  const port = await freePort();
  const { file, args } = dynamoStart({ temporary: folder, port });
  programs.start(file, args, { PATH: process.env['PATH'], HOME: folder });
  await Promise.race([takesCalls(port, places.log), programs.failure]);
  const place = { kind: 'dynamodb', folder, endpoint: `http://127.0.0.1:${port}`, table: 'races' } as const;
  const clients = raceClients(place.endpoint);
  await createTable(clients, place.table);
  const read = () => readDynamo(clients.dynamo, place.table);
  const planted = fault === 'no-conditions' ? ({ fault } as const) : {};
  console.log(JSON.stringify(await holdRaces({ place, seed: Number(seed), read, ...planted })));
  clients.dynamo.destroy();
} finally {
  await programs.stop();
  await log.close();
  await rm(folder, { recursive: true, force: true });
}
