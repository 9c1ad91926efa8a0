import { openAwsWorld } from '../../../shared/aws/aws-world.ts';
import { openLocalWorld } from '../../../shared/local/local-world.ts';
import type { World } from '../../../shared/platform/ports.ts';
import { testClients } from '../../aws/test-clients.ts';

/** Where processes meet. Contents are files in both. */
export type RacePlace =
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'dynamodb'; readonly folder: string; readonly endpoint: string; readonly table: string };

export interface RaceWorld {
  readonly world: World;
  readonly close: () => Promise<void>;
}

export async function openRaceWorld(place: RacePlace): Promise<RaceWorld> {
  const { folder } = place;
  const local = await openLocalWorld({
    folder,
    baseUrl: 'http://127.0.0.1:1',
    role: 'job',
    durability: 'process-death',
  });
  if (place.kind === 'sqlite') return { world: local, close: () => local.close() };
  const clients = raceClients(place.endpoint);
  const aws = openAwsWorld({
    clients,
    table: place.table,
    bucket: 'none',
    eventBus: 'none',
    jobClasses: [],
    pathStyle: true,
  });
  return {
    world: { ...local, now: () => local.now(), table: aws.table },
    async close() {
      await aws.close();
      await local.close();
    },
  };
}

/** Nothing but a table answers. */
export function raceClients(endpoint: string): ReturnType<typeof testClients> {
  const none = 'http://127.0.0.1:9';
  return testClients({ dynamo: endpoint, s3: none, batch: none, events: none });
}
