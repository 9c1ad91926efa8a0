import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { expectedFailures, mustFail } from '../expected-failures.ts';
import { openAccount } from '../stacks/account.ts';
import { changeCases } from '../stacks/change-cases.ts';
import { deployCases } from '../stacks/deploy-cases.ts';
import { flowCases } from '../stacks/flow-cases.ts';
import { jobCases } from '../stacks/job-cases.ts';
import { resourceCases } from '../stacks/resource-cases.ts';
import { signingCases } from '../stacks/signing-cases.ts';
import type { Site } from '../stacks/site.ts';
import { readEndpoints } from '../targets.ts';

const emulator = 'ministack';
const { stacks } = readEndpoints();
const gaps = expectedFailures[emulator] ?? {};
// each builds on what those before it have left; a deployment bundles all functions
vi.setConfig({ testTimeout: 600_000, hookTimeout: 60_000 });

const site = {} as Site; // the cases fill it in
beforeAll(async () => {
  if (!stacks) throw new Error('there is no emulator for stacks');
  Object.assign(site, { account: await openAccount(stacks) });
});
afterAll(async () => {
  await site.running?.close();
  await site.account.close();
});

describe(emulator, () => {
  for (const { name, words, run } of [
    ...deployCases,
    ...resourceCases,
    ...flowCases,
    ...jobCases,
    ...signingCases,
    ...changeCases,
  ])
    test(name, async () => {
      if (Object.hasOwn(gaps, name)) await mustFail(() => run(site), words);
      else await run(site);
      expect(site.running?.errors ?? []).toEqual([]);
    });
});
