import { setTimeout as delay } from 'node:timers/promises';
import { cancelJob } from '../shared/contract/jobs.ts';
import type { Operation } from '../shared/contract/operation.ts';
import { getUpload } from '../shared/contract/uploads.ts';
import { getVersion } from '../shared/contract/versions.ts';
import type { ApiClient } from '../shared/contract/api-client.ts';

/** Operations that are not timed, and why. None today. */
export const exempt: Readonly<Record<string, string>> = {};

/** The same on AWS. */
export const exemptOnAws: Readonly<Record<string, string>> = {
  ...exempt,
  generateText: 'no function generates texts: it answers not-available-here',
};

/** Operations that are neither timed nor exempt, and exemptions that mean nothing (any more). */
export function untimed(
  operations: readonly Pick<Operation, 'operationId'>[],
  cases: Readonly<Record<string, unknown>>,
  exemptions: Readonly<Record<string, string>>,
): string[] {
  const ids = operations.map(({ operationId }) => operationId);
  return [
    ...ids.filter((id) => !Object.hasOwn(cases, id) && !Object.hasOwn(exemptions, id)),
    ...Object.keys(exemptions).filter((id) => !ids.includes(id) || exemptions[id] === ''),
  ];
}

/** How often a call is repeated in one run. */
export function repetitions({ operationId, method }: Operation): number {
  return repetitionsOf[operationId] ?? (method === 'get' ? 200 : 100);
}

/** Of those that take far longer than a call, or set something going that does. */
const repetitionsOf: Readonly<Record<string, number>> = { completeUpload: 20, generateText: 50, previewDataset: 50 };

/** Whether a call can be repeated as it is; others are about something new each time. */
export function repeatsItself({ operationId, method }: Operation): boolean {
  return method === 'get' || operationId === 'generateText';
}

type Afterwards = (client: ApiClient, answer: string, settle: () => Promise<void>) => Promise<void>;

/** Ends what a call has set going, so that the next ones are timed without it. */
export const afterwards: Readonly<Record<string, Afterwards>> = {
  createJob: async (client, answer) => {
    const { job } = JSON.parse(answer) as { job: { id: string } };
    await client.call(cancelJob, { params: { job: job.id } });
  },
  resumeJob: async (client, answer) => {
    const { id } = JSON.parse(answer) as { id: string };
    await client.call(cancelJob, { params: { job: id } });
  },
  completeUpload: async (client, answer, settle) => {
    const { id } = JSON.parse(answer) as { id: string };
    const { target } = await client.call(getUpload, { params: { upload: id } });
    if (target.kind !== 'adapter') return;
    await settle();
    const params = { adapter: target.adapter, version: target.versionId };
    while ((await client.call(getVersion, { params })).state === 'validating') await delay(50);
  },
};
