import { z } from 'zod';
import type { PinnedRequest } from '../../shared/domain/spec-of-request.ts';
import type { MeasuredRate } from '../../shared/domain/job-cost.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import { readJob, type JobInputs } from '../../shared/records/jobs.ts';
import { lists } from '../../shared/records/keys.ts';

const reportSchema = z.object({ tokensPerSecond: z.number().gt(0) });

/**
 * Tokens a second of the newest training on the same base by the same method, among the team's last jobs. Its rank, batch and machine may
 * have been others: it is a better guess than a count of operations, no promise.
 */
export async function measuredRate(
  world: Pick<World, 'table' | 'blobs'>,
  team: string,
  request: PinnedRequest,
  { base }: JobInputs,
): Promise<MeasuredRate | undefined> {
  const asked = methodOf(request);
  if (asked === undefined || !base) return undefined;
  const list = { partition: lists.jobs(team), index: 'index1', reverse: true, limit: lookedAtMax } as const;
  const { records } = await world.table.query(list);
  for (const record of records) {
    const { id, kind, state, report, inputs, request: made } = readJob(record).value;
    if (kind !== 'train' || state !== 'succeeded' || !report || inputs.base?.id !== base.id) continue;
    const method = z.object({ kind: z.string() }).safeParse(made['method']);
    if (method.data?.kind !== asked) continue;
    const told = reportSchema.safeParse(await readJsonBlob(world, report));
    if (told.success) return { jobId: id, tokensPerSecond: told.data.tokensPerSecond };
  }
  return undefined;
}

/** How a request trains; undefined where it does not. */
function methodOf(request: PinnedRequest): string | undefined {
  if (request.kind === 'train-tasks' || request.kind === 'sweep') return 'lora';
  return request.kind === 'train' ? request.method.kind : undefined;
}

/** Of the last jobs: what is older was on other machines, as like as not. */
const lookedAtMax = 50;
