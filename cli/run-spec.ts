import { exitCodes, runJob, withStopSignals, type JobReport } from '../gpu-job/main.ts';
import type { Spec } from '../shared/contract/specs/parse-spec.ts';
import type { CommandIo } from './command.ts';
import { progressView } from './progress-view.ts';
import { reportText } from './report-text.ts';

/** Runs a checked spec as a job of this process and prints its report. Resolves to the exit code. */
export async function runSpec(spec: Spec, json: boolean, io: CommandIo): Promise<number> {
  const view = progressView(io.screen);
  const work = (stop: AbortSignal): ReturnType<typeof runJob> =>
    runJob(spec, { stop, ...(json ? {} : { onEvent: (event) => view.show(event) }) });
  try {
    const report = await withStopSignals(work, (signal) => {
      view.note(`${signal}: saving and ending${signal === 'SIGINT' ? '; Ctrl-C again quits at once' : ''}`);
    });
    view.end();
    io.print(json ? JSON.stringify(report) : reportText(report));
    return exitCodeOfReport(report);
  } finally {
    view.end();
  }
}

/** A check that finds what training would refuse has done its work, and yet a script must be able to stop there. */
const exitCodeOfReport = (report: JobReport): number =>
  (report.kind === 'data-check' && !report.usable) || (report.kind === 'estimate' && !report.plan)
    ? exitCodes.refused
    : exitCodes.done;
