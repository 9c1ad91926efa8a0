import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Case, SuiteWorld } from '../../platform-suite/suite.ts';
import { expectedFailures, mustFail } from '../expected-failures.ts';

export interface CaseTests {
  /** Named in the report and in the list of expected failures. */
  readonly emulator: string;
  readonly areas: Readonly<Record<string, readonly Case[]>>;
  readonly open: () => Promise<SuiteWorld & { close(): Promise<void> }>;
}

/** Runs cases on an emulator; those that it is known to fail must fail. */
export function caseTests({ emulator, areas, open }: CaseTests): void {
  const gaps = expectedFailures[emulator] ?? {};
  describe(emulator, () => {
    let world: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    for (const [area, cases] of Object.entries(areas)) {
      for (const [at, one] of cases.entries()) {
        const name = `${area}: ${one.name}`;
        const run = (): Promise<void> => one.run(world, `${area.replaceAll(' ', '-')}-${at}`);
        test(name, Object.hasOwn(gaps, name) ? () => mustFail(run) : run);
      }
    }
  });
}
