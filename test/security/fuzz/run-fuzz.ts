import { demand } from '../../support/checks-report.ts';
import type { Section } from '../section.ts';
import { readInputs } from './read-inputs.ts';
import { targets } from './targets.ts';

/** Inputs of each parser in one run. */
const inputs = 20_000;
/** Of all inputs at least this part is taken, and at least this part refused: else a parser would not be tried where it decides. */
const shareMin = 0.05;

/**
 * Every parser of bytes from outside reads inputs that are sound, or nearly so, in a process with little memory: each is taken or
 * refused by a `DomainError`, in time. Then the same inputs must find a fault that is planted in it.
 */
export const runFuzz: Section = async (report, seed) => {
  for (const { name, planted } of targets) {
    await report.check(`${name}: takes or refuses every input`, async () => {
      const read = await readInputs({ target: name, kind: 'whole', seed, first: 0, end: inputs });
      if ('failure' in read) throw new Error(`input ${read.failure.input}: ${read.failure.reason}`);
      const { accepted, refused, slowestMilliseconds, slowestInput } = read.figures;
      const figures = `${accepted} taken, ${refused} refused, the slowest in ${slowestMilliseconds.toFixed(0)} ms (${slowestInput})`;
      demand(Math.min(accepted, refused) >= shareMin * inputs, `inputs are too one-sided: ${figures}`);
      return { figures, value: undefined };
    });
    await report.check(`${name}: ${planted.fault} is found`, async () => {
      const read = await readInputs({ target: name, kind: 'planted', seed, first: 0, end: inputs });
      demand('failure' in read, 'no input found it');
      const [reason = ''] = read.failure.reason.split('\n');
      return { figures: `by input ${read.failure.input}: ${reason.slice(0, 120)}`, value: undefined };
    });
  }
};
