import { listLogs as operation } from '../../shared/contract/jobs.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';

export const listLogs = handler(operation, async ({ world }, { team }, { params, query }) => {
  await getJobRecord(world.table, team, params.job);
  const events = await readStream(world.table, team, params.job, { after: query.after, count: Infinity });
  const lines = events.flatMap(({ id, at, event }) => {
    const text = lineOf(event);
    return text === undefined ? [] : [{ id, at, text }];
  });
  return { lines: lines.slice(0, query.limit), more: lines.length > query.limit };
});

/** What people read of an event; measurements have their own list. */
function lineOf(event: JobStreamEvent['event']): string | undefined {
  switch (event.type) {
    case 'log':
      return event.text;
    case 'state':
      return `${event.state}: ${event.reason}`;
    case 'finding': {
      const { severity, where, message } = event.finding;
      return `${severity}: ${where === undefined ? '' : `${where}: `}${message}`;
    }
    case 'run':
      return `step ${event.firstStep} of ${event.steps} is next: ${event.rows} rows, ${event.trainableParameters} values to train${event.memory === undefined ? '' : `; ${event.memory}`}`;
    case 'checkpoint':
      return `saved after step ${event.step}`;
    default:
      return undefined;
  }
}
