import { runJob, withStopSignals } from '../gpu-job/main.ts';
import type { Spec } from '../shared/contract/specs/parse-spec.ts';
import type { CommandIo } from './command.ts';
import { progressView } from './progress-view.ts';
import { reportText } from './report-text.ts';

/** Runs a checked spec as a job of this process and prints its report. */
export async function runSpec(spec: Spec, json: boolean, io: CommandIo): Promise<void> {
  const view = progressView(io.screen);
  const work = (stop: AbortSignal): ReturnType<typeof runJob> =>
    runJob(spec, { stop, ...(json ? {} : { onEvent: (event) => view.show(event) }) });
  try {
    const report = await withStopSignals(work, (signal) => {
      view.note(`${signal}: saving and ending${signal === 'SIGINT' ? '; Ctrl-C again quits at once' : ''}`);
    });
    view.end();
    io.print(json ? JSON.stringify(report) : reportText(report));
  } finally {
    view.end();
  }
}
