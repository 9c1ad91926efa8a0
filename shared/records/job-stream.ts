import { z } from 'zod';
import type { JobStreamEvent } from '../contract/job-stream.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordTable, type RecordWrite, type World } from '../platform/ports.ts';
import { transactSurely } from './commit.ts';
import { fenceCheck, fencedOut, type Fence } from './job-fence.ts';
import { jobChunkPrefix, keys, numberSort } from './keys.ts';
import { recordValue, stored } from './stored.ts';

export type StreamContent = JobStreamEvent['event'];

const chunkRecord = z.object({
  /** The platform wrote them. */
  events: z.array(z.custom<JobStreamEvent>((value) => typeof value === 'object' && value !== null)).min(1),
});

/** Where a new chunk may be written. Of two writers that read the same end, the second finds its place taken and reads again. */
export async function streamEnd(table: RecordTable, team: string, jobId: string): Promise<number> {
  const { partition } = keys.job(team, jobId);
  const { records } = await table.query({ partition, prefix: jobChunkPrefix, reverse: true, limit: 1 });
  const [last] = records;
  return last ? lastId(stored(chunkRecord, last).value.events) + 1 : 1;
}

/** A chunk of events whose first has the id `firstId`; fails when somebody has written there. */
export function chunkWrite(
  { team, jobId, firstId }: { readonly team: string; readonly jobId: string; readonly firstId: number },
  { at, attempt }: { readonly at: string; readonly attempt: number },
  contents: readonly StreamContent[],
): RecordWrite {
  const events = contents.map((event, i): JobStreamEvent => ({ id: firstId + i, at, attempt, event }));
  return {
    put: { key: keys.jobChunk(team, jobId, firstId), value: recordValue({ events }) },
    condition: { ifAbsent: true },
  };
}

/** Writes what a container has to say, in its order. Throws `FencedOutError`. */
export async function appendToStream(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  fence: Fence,
  attempt: number,
  contents: readonly StreamContent[],
): Promise<void> {
  const at = new Date(world.now()).toISOString();
  for (const chunk of chunksOf(contents.map(shortened))) {
    for (;;) {
      const firstId = await streamEnd(world.table, fence.team, fence.jobId);
      try {
        await transactSurely(world, [fenceCheck(fence), chunkWrite({ ...fence, firstId }, { at, attempt }, chunk)]);
        break;
      } catch (error) {
        const known = fencedOut(error, 0);
        if (!(known instanceof ConditionError)) throw known;
      }
    }
  }
}

/** Events after an id, oldest first, at least `count` of them where there are as many. */
export async function readStream(
  table: RecordTable,
  team: string,
  jobId: string,
  { after, count }: { readonly after: number; readonly count: number },
): Promise<JobStreamEvent[]> {
  const { partition } = keys.job(team, jobId);
  const events: JobStreamEvent[] = [];
  let from = await chunkAt(table, team, jobId, after + 1);
  while (events.length < count) {
    const query = { partition, prefix: jobChunkPrefix, limit: chunksAtOnce };
    const page = await table.query(from === undefined ? query : { ...query, after: from });
    for (const record of page.records)
      events.push(...stored(chunkRecord, record).value.events.filter(({ id }) => id > after));
    if (page.next === undefined) break;
    from = page.next;
  }
  return events;
}

/** Chunks from the newest to the oldest, each with its events in order. */
export async function* chunksBackwards(
  table: RecordTable,
  team: string,
  jobId: string,
): AsyncGenerator<readonly JobStreamEvent[]> {
  const { partition } = keys.job(team, jobId);
  let from: string | undefined;
  do {
    const query = { partition, prefix: jobChunkPrefix, reverse: true, limit: chunksAtOnce };
    const page = await table.query(from === undefined ? query : { ...query, after: from });
    for (const record of page.records) yield stored(chunkRecord, record).value.events;
    from = page.next;
  } while (from !== undefined);
}

/** Sort key after which the chunk comes that holds an event; undefined: from the beginning. */
async function chunkAt(table: RecordTable, team: string, jobId: string, id: number): Promise<string | undefined> {
  const { partition } = keys.job(team, jobId);
  const before = keys.jobChunk(team, jobId, id + 1).sort;
  const query = { partition, prefix: jobChunkPrefix, reverse: true, after: before, limit: 1 };
  const [chunk] = (await table.query(query)).records;
  if (!chunk) return undefined;
  const first = Number(chunk.key.sort.slice(jobChunkPrefix.length));
  return `${jobChunkPrefix}${numberSort(first - 1)}`;
}

const chunksAtOnce = 50;

const lastId = (events: readonly JobStreamEvent[]): number => events.at(-1)?.id ?? 0;

function* chunksOf(contents: readonly StreamContent[]): Generator<StreamContent[]> {
  let chunk: StreamContent[] = [];
  let sizeBytes = 0;
  for (const content of contents) {
    const contentBytes = Buffer.byteLength(JSON.stringify(content)) + eventBytes;
    if (chunk.length > 0 && sizeBytes + contentBytes > limits.jobChunkBytes) {
      yield chunk;
      [chunk, sizeBytes] = [[], 0];
    }
    chunk.push(content);
    sizeBytes += contentBytes;
  }
  if (chunk.length > 0) yield chunk;
}

/** Id, time and attempt around a content. */
const eventBytes = 100;

/** Texts of a bounded length, so that every event fits into a chunk. */
function shortened(content: StreamContent): StreamContent {
  const cut = (text: string): string =>
    text.length <= limits.jobTextCharsMax ? text : `${text.slice(0, limits.jobTextCharsMax)}...`;
  switch (content.type) {
    case 'sample':
      return { ...content, prompt: cut(content.prompt), text: cut(content.text) };
    case 'log':
      return { ...content, text: cut(content.text) };
    case 'finding':
      return { ...content, finding: { ...content.finding, message: cut(content.finding.message) } };
    case 'state':
      return { ...content, reason: cut(content.reason) };
    default:
      return content;
  }
}
