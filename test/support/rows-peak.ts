/**
 * `rows-peak.ts <megabytes>`: trains a tiny model for two steps on so many megabytes of rows, a tenth of them held out, and prints the bytes of
 * the process at its peak.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { runTrain } from '../../gpu-job/jobs/train.ts';
import { rememberingContext } from './remembering-context.ts';
import { writeTinyBase } from './tiny-base.ts';

const sizeBytes = Number(process.argv[2]) * 1e6;
const rowsAtOnce = 1000;

const folder = await mkdtemp(join(tmpdir(), 'lorary-rows-peak-'));
try {
  const [base, train] = [join(folder, 'base'), join(folder, 'rows.jsonl')];
  await writeTinyBase(base);
  await pipeline(function* () {
    for (let written = 0, row = 0; written < sizeBytes;) {
      let text = '';
      for (const end = row + rowsAtOnce; row < end; row++)
        text += `${JSON.stringify({ prompt: `${row} cat:`, completion: ' meow' })}\n`;
      written += text.length;
      yield text;
    }
  }, createWriteStream(train));
  const spec = trainSpecSchema.parse({
    kind: 'train',
    base,
    output: join(folder, 'adapter'),
    data: { train, evalFraction: 0.1 },
    method: { kind: 'lora', config: { r: 2 } },
    steps: 2,
    evaluation: { rowsMax: 8 },
    threads: 1,
  });
  await runTrain(spec, rememberingContext());
  console.log(process.resourceUsage().maxRSS * 1024);
} finally {
  await rm(folder, { recursive: true });
}
