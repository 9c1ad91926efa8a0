import { resumeJob } from '../../shared/contract/jobs.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { watchJob } from '../server/watch-job.ts';

/** `lorary resume`: a job goes on. */
export const resume = runCommand({
  name: 'resume',
  summary: 'Let a failed or cancelled job of the server go on, from its last checkpoint where it has one.',
  usage: 'JOB [--detach]',
  words: { what: 'JOB', min: 1, max: 1 },
  examples: ['lorary resume job_0123456789abcdef'],
  flags: { detach: { kind: 'switch', help: 'do not wait for the end' } },
  async run({ words: [id = ''], flags: { detach }, json }, io) {
    const api = await connect(io);
    const job = await api.call(resumeJob, { params: { job: id } });
    if (!detach) return watchJob(api, id, json, io);
    io.print(json ? JSON.stringify({ job }) : `${id} is ${job.state}. Watch it with: lorary watch ${id}`);
    return exitCodes.done;
  },
});
