import { listSamples as operation } from '../../shared/contract/jobs.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';

export const listSamples = handler(operation, async ({ world }, { team }, { params }) => {
  await getJobRecord(world.table, team, params.job);
  const events = await readStream(world.table, team, params.job, { after: 0, count: Infinity });
  // a run that went on from a checkpoint wrote some of them twice; the last ones count
  const samples = new Map<string, { step: number; prompt: string; text: string }>();
  for (const { event } of events)
    if (event.type === 'sample') {
      const { step, prompt, text } = event;
      samples.set(JSON.stringify([step, prompt]), { step, prompt, text });
    }
  return { samples: [...samples.values()].toSorted((a, b) => a.step - b.step) };
});
