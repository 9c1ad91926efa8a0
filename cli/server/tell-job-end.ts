import { exitCodes, type JobReport } from '../../gpu-job/main.ts';
import type { Job } from '../../shared/contract/jobs.ts';
import type { CommandIo } from '../command.ts';
import { findingText } from '../error-text.ts';
import { reportText } from '../report-text.ts';
import { asFindings } from './as-findings.ts';

/** Tells how a job has ended, in which folder here its result is where it is in one, and what to type next. Resolves to the exit code: 2 for what the caller must change, 75 for what can go on. */
export function tellJobEnd(job: Job, json: boolean, io: CommandIo, place?: string): number {
  const findings = asFindings(job.findings);
  const errors = findings.filter(({ severity }) => severity === 'error');
  const code = job.state === 'succeeded' ? exitCodes.done : errors.length > 0 ? exitCodes.refused : exitCodes.retry;
  if (json) {
    io.print(JSON.stringify({ job, ...(place === undefined ? {} : { folder: place }) }));
    return code;
  }
  if (job.state === 'succeeded') {
    for (const finding of findings) io.note(`${finding.severity}: ${findingText(finding)}`);
    io.print([...resultLines(job, place), ...(place === undefined ? nextLines(job) : [])].join('\n'));
    return code;
  }
  io.note(`${job.id} ${job.state === 'failed' ? 'has failed' : 'was cancelled'}: ${job.reason}`);
  for (const finding of errors) io.note(`  ${findingText(finding)}`);
  if (job.resumable) io.note(`Let it go on with: lorary resume ${job.id}`);
  io.note(`What it said is told by: lorary logs ${job.id}`);
  return code;
}

function resultLines({ kind, report, output, id }: Job, place: string | undefined): string[] {
  if (report === null) return [`${id} (${kind}) is done.`];
  const version = output.adapter === undefined ? undefined : `${output.adapter}@${output.version ?? 'latest'}`;
  const several = output.versions?.map(nameOf).join(', ');
  const made = place ?? version ?? several ?? output.base ?? id;
  // the report of a job of this kind is the same whoever has started it; where it was written is a place on the server
  const text = reportText({ ...report, ...('output' in report ? { output: made } : {}) } as JobReport);
  return text === undefined ? [`${id} (${kind}) is done.`] : [text];
}

const nameOf = ({ adapter, version }: { readonly adapter: string; readonly version: number }): string =>
  `${adapter}@${version}`;

function nextLines({ output, kind, id }: Job): string[] {
  if (output.versions) {
    const names = output.versions.map(nameOf);
    return [
      `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} published. Look at one with: lorary show ${names[0] ?? ''}`,
    ];
  }
  if (output.adapter !== undefined) {
    const name = `${output.adapter}@${output.version ?? 'latest'}`;
    return [
      `${name} is published. Look at it with: lorary show ${name}`,
      `Fetch it with: lorary pull ${name} --output FOLDER`,
    ];
  }
  if (output.base !== undefined)
    return [`The base ${output.base} is ready. Try it with: lorary generate --base ${output.base} "Once upon a time"`];
  return kind === 'export' ? [`Fetch the files with: lorary pull ${id} --output FOLDER`] : [];
}
