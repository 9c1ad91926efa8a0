import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { watchJob } from '../server/watch-job.ts';

/** `lorary watch`: a job as it runs. */
export const watch = runCommand({
  name: 'watch',
  summary: 'Show a job of the server as it runs, to its end. Ctrl-C leaves it running.',
  usage: 'JOB',
  words: { what: 'JOB', min: 1, max: 1 },
  notes: ['A connection that breaks is opened again where it was. The exit code tells how the job ended.'],
  examples: ['lorary watch job_0123456789abcdef'],
  flags: {},
  async run({ words: [job = ''], json }, io) {
    return watchJob(await connect(io), job, json, io);
  },
});
