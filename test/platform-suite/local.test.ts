import { afterAll, beforeAll, describe, test } from 'vitest';
import { blobCases } from './blob-cases.ts';
import { openLocalSuiteWorld, type OpenSuiteWorld } from './open-local.ts';
import { queryCases } from './query-cases.ts';
import { runnerCases } from './runner-cases.ts';
import type { Case } from './suite.ts';
import { tableCases } from './table-cases.ts';
import { transactCases } from './transact-cases.ts';
import { uploadCases } from './upload-cases.ts';

const areas: Readonly<Record<string, readonly Case[]>> = {
  table: tableCases,
  query: queryCases,
  transact: transactCases,
  blobs: blobCases,
  uploads: uploadCases,
  runner: runnerCases,
};

const settings = [
  { title: 'the local world', seed: undefined },
  { title: 'the local world with faults (seed 1)', seed: 1 },
  { title: 'the local world with faults (seed 2)', seed: 2 },
];

describe.each(settings)('$title', ({ seed }) => {
  let world: OpenSuiteWorld;
  beforeAll(async () => {
    world = await openLocalSuiteWorld(seed === undefined ? {} : { seed });
  });
  afterAll(() => world.close());

  for (const [area, cases] of Object.entries(areas)) {
    // processes are slow to start, and how they run does not depend on the seed
    if (area === 'runner' && seed === 2) continue;
    const chosen = cases.filter(({ faultless }) => seed === undefined || !faultless);
    test.each(chosen.map((one, at) => [one.name, one, `${area}-${at}`] as const))(`${area}: %s`, (_, one, unique) =>
      one.run(world, unique),
    );
  }
});
