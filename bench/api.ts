/** Every call of the API on the local world, as `timeApi` times it. */
import { setTimeout as delay } from 'node:timers/promises';
import { allHandlers } from '../functions/dev-server/all-handlers.ts';
import { createApi } from '../functions/http/create-api.ts';
import { cancelJob, listJobs } from '../shared/contract/jobs.ts';
import { openLocalWorld } from '../shared/local/local-world.ts';
import type { TextGenerator } from '../shared/platform/text-generator.ts';
import type { World } from '../shared/platform/ports.ts';
import { createTextCache } from '../shared/text/text-cache.ts';
import { exempt, repetitions } from './api-cases.ts';
import { startPlatformServer, type PlatformServer } from './platform-server.ts';
import { timeApi } from './time-api.ts';

export async function benchApi(): Promise<Record<string, unknown>> {
  const server = await startPlatformServer('api-server', { program: ['--import', 'tsx', 'bench/api-server.ts'] });
  const world = await openLocalWorld({ folder: server.folder, baseUrl: server.url, role: 'job' });
  const texts = createTextCache();
  const apiOver = (timed: World) => createApi({ world: timed, generator: silentGenerator, texts }, allHandlers);
  try {
    const settle = async (): Promise<void> => undefined;
    const figures = await timeApi({ server, team: 'local', world, apiOver, exempt, repetitions, settle });
    return { bench: 'api', world: 'local', unit: 'ms', ...figures };
  } finally {
    await endJobs(server, world);
    texts.close();
    await world.close();
    await server.stop();
  }
}

/** Stands for the process that keeps models warm, which is not part of a store. */
const silentGenerator: TextGenerator = {
  generate: async ({ prompts }) => ({
    texts: prompts.map(() => ({ prompt: '', text: '', tokens: 0, end: 'stop' })),
    seconds: 0,
  }),
  close: async () => undefined,
};

/** Jobs outlive their server, so none is left behind. */
async function endJobs({ api }: PlatformServer, { runner }: World): Promise<void> {
  for (const state of ['queued', 'running'] as const)
    for (let cursor: string | undefined; ;) {
      const page = await api.call(listJobs, { query: { state, ...(cursor === undefined ? {} : { cursor }) } });
      for (const { id } of page.items) await api.call(cancelJob, { params: { job: id } });
      if (page.next === undefined) break;
      cursor = page.next;
    }
  while ((await runner.list()).length > 0) await delay(100);
}
