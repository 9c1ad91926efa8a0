import { afterAll, describe, expect, it } from 'vitest';
import { DomainError } from '../../../shared/errors.ts';
import { fuzzRandom } from './fuzz-random.ts';
import { targets } from './targets.ts';

/** `npm run test:security` reads a hundred times as many, in processes of their own. */
const inputs = 200;

describe.each(targets)('$name', (target) => {
  afterAll(() => target.close?.());

  it('takes or refuses what it reads', async () => {
    let [accepted, refused] = [0, 0];
    for (let input = 0; input < inputs; input++)
      try {
        await target.read(target.input(fuzzRandom(2, input)));
        accepted++;
      } catch (error) {
        if (!(error instanceof DomainError)) throw new Error(`input ${input} of seed 2`, { cause: error });
        refused++;
      }
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });
});
