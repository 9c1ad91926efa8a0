import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demand } from '../../support/checks-report.ts';
import type { Section } from '../section.ts';
import { killAt, measureEnds, type Ends, type KillOptions, type KillPoint } from './kill-points.ts';
import { operations } from './operations.ts';
import { writeTemplate } from './template.ts';

/** Processes at once. */
const atOnce = 3;

/**
 * Every operation is killed right before and right after every call that it makes of its store. Then the next start must find the state
 * before or the one after, and the client that repeats its call the right answer.
 */
export const runStoreKills: Section = async (report) => {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-store-kills-'));
  const template = join(folder, 'template');
  try {
    await mkdir(template);
    await writeTemplate(template);
    for (const operation of operations) {
      const options: KillOptions = { template, folder, operation };
      await report.check(`${operation.name}: killed at every call of the store, it is whole or absent`, async () => {
        const ends = await measureEnds(options);
        const found = await killEverywhere(options, ends);
        demand(found.length === 0, found.slice(0, shownMax).join('\n'));
        return { figures: `${ends.calls.length} calls, ${2 * ends.calls.length} kills`, value: undefined };
      });
    }
    await report.check('a version that is published by two writes is found', async () => {
      const operation = operations.find(({ name }) => name === 'publish');
      demand(operation !== undefined, 'there is no publishing');
      const options: KillOptions = { template, folder, operation, fault: 'split' };
      const found = await killEverywhere(options, await measureEnds(options));
      const [first] = found.filter((text) => text.includes('when it died it was between'));
      demand(first !== undefined, 'nobody saw the state between');
      return { figures: first.slice(0, 160), value: undefined };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
};

const shownMax = 10;

async function killEverywhere(options: KillOptions, ends: Ends): Promise<string[]> {
  const points = ends.calls.flatMap((_, at) =>
    (['before', 'after'] as const).map((when): KillPoint => ({ call: at + 1, when })),
  );
  const found: string[] = [];
  const next = points.values();
  const work = async (): Promise<void> => {
    for (const point of next) found.push(...(await killAt(options, ends, point)));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found;
}
