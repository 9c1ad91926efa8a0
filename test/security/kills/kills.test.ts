import { expect, test } from 'vitest';
import type { Report } from '../../support/checks-report.ts';
import { killsSection } from './kills.ts';

// Few kills and a machine that does other things as well: `npm run test:security` does more, and allows less.
test('runs that are killed end with the same bits, publish once and keep to their allowance; one that does not is found', async () => {
  const lines: string[] = [];
  const report: Report = {
    async check(name, body) {
      const { figures, value } = await body().catch((error: unknown) => {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      });
      lines.push(`${name}: ${figures}`);
      return value;
    },
    skip: () => undefined,
    lack: () => undefined,
    end: () => undefined,
  };
  await killsSection({ kills: 3, allowanceSeconds: 8, slackSeconds: 3 })(report, 1 + (Date.now() % 1000));
  expect(lines).toHaveLength(4);
}, 240_000);
