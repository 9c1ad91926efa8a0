import { getJob, jobKinds, jobStates, listJobs, type Job } from '../../shared/contract/jobs.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { allPages } from '../server/all-pages.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { tableText, timeText } from '../table-text.ts';

/** `lorary jobs`: what runs and what has run. */
export const jobs = runCommand({
  name: 'jobs',
  summary: 'List the jobs of the server, newest first, or tell all about one.',
  usage: '[JOB] [flags]',
  words: { what: 'JOB', min: 0, max: 1 },
  examples: ['lorary jobs', 'lorary jobs --state running', 'lorary jobs job_0123456789abcdef'],
  flags: {
    state: { kind: 'text', value: 'STATE', help: jobStates.join(', ') },
    kind: { kind: 'text', value: 'KIND', help: jobKinds.join(', ') },
    limit: { kind: 'number', value: 'N', help: 'jobs at most [20]' },
  },
  async run({ words: [job], flags: { state, kind, limit = 20 }, json }, io) {
    const api = await connect(io);
    if (job !== undefined) {
      const found = await api.call(getJob, { params: { job } });
      if (json) io.print(JSON.stringify({ job: found }));
      else io.print(jobText(found));
      return exitCodes.done;
    }
    const query = { ...oneOf('state', state, jobStates), ...oneOf('kind', kind, jobKinds) };
    const found = await allPages(api, listJobs, { query }, limit);
    if (json) io.print(JSON.stringify({ jobs: found }));
    else if (found.length === 0) io.note('There are none. Start one with: lorary train --base BASE --data FILE');
    else
      io.print(
        tableText(
          ['job', 'kind', 'state', 'done', 'made', 'result'],
          found.map((one) => [
            one.id,
            one.kind,
            one.state,
            progressText(one),
            timeText(one.createdAt),
            resultText(one),
          ]),
        ),
      );
    return exitCodes.done;
  },
});

function oneOf(flag: string, value: string | undefined, known: readonly string[]): object {
  if (value === undefined) return {};
  if (!known.includes(value))
    throw new DomainError('usage', `--${flag} is one of ${known.join(', ')}, not "${value}".`);
  return { [flag]: value };
}

function progressText({ progress, state }: Job): string {
  if (state === 'succeeded') return '100%';
  return progress === null || progress.total === 0 ? '-' : `${Math.floor((100 * progress.done) / progress.total)}%`;
}

function resultText({ output, reason }: Job): string {
  if (output.adapter !== undefined) return `${output.adapter}@${output.version ?? output.versionId ?? '?'}`;
  if (output.versions) return output.versions.map((one) => `${one.adapter}@${one.version}`).join(', ');
  return output.base ?? reason.slice(0, 60);
}

function jobText(job: Job): string {
  const { id, kind, state, reason, attempt, createdAt, startedAt, endedAt, request, resumable, usage, allowance } = job;
  const times = [
    `made ${timeText(createdAt)}`,
    ...(startedAt ? [`started ${timeText(startedAt)}`] : []),
    ...(endedAt ? [`ended ${timeText(endedAt)}`] : []),
  ];
  return [
    `${id}: ${kind}, ${state}${reason === '' ? '' : `: ${reason}`}`,
    `${times.join(', ')}; attempt ${attempt}, ${progressText(job)} done; result: ${resultText({ ...job, reason: 'none yet' })}`,
    ...(allowance
      ? [
          `took ${usage.chargedSeconds.toFixed(0)} of ${allowance.maxSeconds.toFixed(0)} s of machines, $${usage.dollars.toFixed(2)} of $${allowance.maxDollars.toFixed(2)}`,
        ]
      : []),
    `asked for: ${JSON.stringify(request)}`,
    ...asFindings(job.findings).map((finding) => `${finding.severity}: ${findingText(finding)}`),
    ...(resumable ? [`Let it go on with: lorary resume ${id}`] : []),
  ].join('\n');
}
