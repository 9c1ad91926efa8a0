/**
 * The process in which inputs are read: a fault may take it with it. Arguments: target, whole or planted, a file, seed, first input, end.
 * The file always holds the input that is being read, so that the parent knows which one it died of.
 */
import { openSync, writeSync } from 'node:fs';
import { DomainError } from '../../../shared/errors.ts';
import { fuzzRandom } from './fuzz-random.ts';
import type { FuzzFailure } from './target.ts';
import { targets } from './targets.ts';

/** Of the whole process, whatever of it is outside of the heap. */
const memoryMegabytesMax = 1024;

const [name = '', kind = '', progressPath = '', ...numbers] = process.argv.slice(2);
const [seed = 0, first = 0, end = 0] = numbers.map(Number);
const target = targets.find((one) => one.name === name);
if (!target) throw new Error(`no target is called "${name}"`);
const reader = kind === 'planted' ? target.planted : target;

let [accepted, refused, slowestMilliseconds, slowestInput] = [0, 0, 0, first];
const progress = openSync(progressPath, 'w');

let failure: FuzzFailure | undefined;
for (let input = first; input < end && !failure; input++) {
  writeSync(progress, String(input).padEnd(10), 0);
  const bytes = target.input(fuzzRandom(seed, input));
  const begun = performance.now();
  try {
    await reader.read(bytes);
    accepted++;
  } catch (error) {
    if (error instanceof DomainError) refused++;
    else failure = { input, reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  if (megabytes > memoryMegabytesMax) failure ??= { input, reason: `it took ${megabytes.toFixed(0)} MB of memory` };
  const took = performance.now() - begun;
  if (took > slowestMilliseconds) [slowestMilliseconds, slowestInput] = [took, input];
}
await target.close?.();
const figures = { accepted, refused, slowestMilliseconds, slowestInput };
console.log(JSON.stringify(failure ? { failure } : { figures }));
