import { setTimeout as delay } from 'node:timers/promises';
import { getJob, listLogs } from '../../shared/contract/jobs.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { endStates } from '../server/event-stream.ts';
import { plain } from '../table-text.ts';

/** `lorary logs`: what a job has said. */
export const logs = runCommand({
  name: 'logs',
  summary: 'Print what a job of the server has said.',
  usage: 'JOB [--follow]',
  words: { what: 'JOB', min: 1, max: 1 },
  examples: ['lorary logs job_0123456789abcdef', 'lorary logs job_0123456789abcdef --follow'],
  flags: { follow: { kind: 'switch', short: 'f', help: 'go on until the job has ended' } },
  async run({ words: [job = ''], flags: { follow }, json }, io) {
    const api = await connect(io);
    const lines: { id: number; at: string; text: string }[] = [];
    for (let after = 0; ;) {
      // asked before its lines: whatever it said before its end is then among them
      const ended = !follow || endStates.has((await api.call(getJob, { params: { job } })).state);
      let more = true;
      while (more) {
        const page = await api.call(listLogs, { params: { job }, query: { after } });
        if (json) lines.push(...page.lines);
        else for (const { at, text } of page.lines) io.print(`${at} ${plain(text)}`);
        after = page.lines.at(-1)?.id ?? after;
        ({ more } = page);
      }
      if (ended) break;
      await delay(askAgainMilliseconds);
    }
    if (json) io.print(JSON.stringify({ lines }));
    return exitCodes.done;
  },
});

const askAgainMilliseconds = 1000;
