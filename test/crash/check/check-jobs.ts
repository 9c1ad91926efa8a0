import { groupBy, textOf, type Row, type Store } from './store.ts';

interface Line {
  readonly id: number;
  readonly event: { readonly type: string; readonly state?: string };
}

const ends: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);

/** Every job has ended, once, has told it once, and what it says it made is there, once. */
export function checkJobs(store: Store): string[] {
  const found: string[] = [];
  const rows = groupBy(store.ofKind('job'), ({ partition }) => partition);
  for (const ofJob of rows.values()) {
    const job = ofJob.find(({ sort }) => sort === 'job');
    if (!job) found.push(`${ofJob[0]?.partition} has records and no job`);
    else found.push(...checkStream(store, job, ofJob), ...checkOutput(store, job, ofJob));
  }
  for (const { runId, jobId, state } of store.runs) {
    if (state !== 'ended' && state !== 'lost') found.push(`the run ${runId} of ${jobId} is ${state}`);
    if (!store.find(`local#job#${jobId}`, 'job')) found.push(`the run ${runId} belongs to no job`);
  }
  return found;
}

function checkStream(store: Store, job: Row, rows: readonly Row[]): string[] {
  const found: string[] = [];
  const id = textOf(job, 'id');
  const chunks = rows.filter(({ sort }) => sort.startsWith('chunk#'));
  const lines: Line[] = [];
  for (const chunk of chunks) {
    const events = chunk.value['events'] as Line[];
    if (events[0]?.id !== Number(chunk.sort.slice('chunk#'.length)))
      found.push(`${id}: ${chunk.sort} begins elsewhere`);
    lines.push(...events);
  }
  const gap = lines.findIndex((line, at) => line.id !== at + 1);
  if (gap !== -1) found.push(`${id}: line ${gap + 1} of the stream is missing`);

  const states = lines.flatMap(({ event }) => (event.type === 'state' ? [event.state ?? ''] : []));
  const state = textOf(job, 'state');
  if (!ends.has(state)) found.push(`the job ${id} stays ${state}: ${textOf(job, 'reason')}`);
  if (states[0] !== 'queued' || states.at(-1) !== state)
    found.push(`${id} is ${state}, and its stream says ${states.join(', ')}`);
  const changes = store.ofKind('audit').filter((row) => row.value['resource'] === `jobs/${id}`);
  const made = changes.filter((row) => row.value['action'] !== 'job.create').length;
  if (made !== states.length - 1) found.push(`${id} told ${states.length - 1} changes, the audit has ${made}`);
  // an end is followed by nothing, unless somebody asked for more
  const resumed = changes.filter((row) => row.value['action'] === 'job.resume').length;
  const told = states.filter((name) => ends.has(name)).length;
  if (told !== resumed + 1) found.push(`${id} told ${told} ends and was resumed ${resumed} times`);
  if (states.slice(0, -1).some((name, at) => ends.has(name) && states[at + 1] !== 'queued'))
    found.push(`${id} went on after its end: ${states.join(', ')}`);
  return found;
}

function checkOutput(store: Store, job: Row, rows: readonly Row[]): string[] {
  const { id, kind, state, output, makes, request } = job.value as {
    readonly id: string;
    readonly kind: string;
    readonly state: string;
    readonly output: {
      readonly versionId?: string;
      readonly version?: number;
      readonly base?: string;
      readonly files?: number;
    };
    readonly makes: { readonly versionId?: string; readonly baseId?: string };
    readonly request: { readonly base?: string };
  };
  const found: string[] = [];
  const versions = store.ofKind('version').filter((row) => lineageOf(row)?.jobId === id);
  const bases = store.ofKind('base').filter((row) => row.value['importJobId'] === id);
  if (versions.length > 1 || versions.some((row) => row.value['id'] !== makes.versionId))
    found.push(`${id} has made ${versions.length} versions: ${versions.map((row) => textOf(row, 'id')).join()}`);
  if (bases.length > 1) found.push(`${id} has made ${bases.length} bases`);
  for (const field of ['endedAt', 'reason']) if (!job.value[field]) found.push(`${id} has no ${field}`);
  if (state !== 'succeeded') return found;
  if (kind !== 'import-base' && !job.value['report']) found.push(`${id} has no report`);
  if ((kind === 'train' || kind === 'compose') && output.base === undefined) {
    const published = versions.filter((row) => row.value['version'] === output.version);
    if (published.length !== 1 || output.versionId !== makes.versionId) found.push(`${id} has published no version`);
  }
  const name = kind === 'import-base' ? request.base : output.base;
  const deleted = store.ofKind('audit').some(isDeleted(name));
  if ((kind === 'import-base' || kind === 'merge') && bases[0]?.value['state'] !== 'ready' && !deleted)
    found.push(`the base ${name} of ${id} is not ready`);
  if (kind === 'export') {
    const delivery = rows.find(({ sort }) => sort === 'delivery');
    const files = (delivery?.value['files'] ?? []) as unknown[];
    if (files.length === 0 || files.length !== output.files) found.push(`${id} has exported nothing that is there`);
  }
  return found;
}

const lineageOf = (row: Row): { readonly jobId?: string } | undefined =>
  row.value['lineage'] as { readonly jobId?: string } | undefined;

const isDeleted =
  (base: string | undefined) =>
  (row: Row): boolean =>
    row.value['action'] === 'base.delete' && row.value['resource'] === `bases/${base}`;
