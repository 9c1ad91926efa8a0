import { cancelJob } from '../../shared/contract/jobs.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';

/** `lorary cancel`: asks a job to end. */
export const cancel = runCommand({
  name: 'cancel',
  summary: 'Ask a job of the server to end; a training run saves a checkpoint first.',
  usage: 'JOB',
  words: { what: 'JOB', min: 1, max: 1 },
  examples: ['lorary cancel job_0123456789abcdef'],
  flags: {},
  async run({ words: [id = ''], json }, io) {
    const job = await (await connect(io)).call(cancelJob, { params: { job: id } });
    const after = job.state === 'cancelling' ? ' It ends when its work is saved.' : '';
    io.print(json ? JSON.stringify({ job }) : `${id} is ${job.state}.${after} Let it go on with: lorary resume ${id}`);
    return exitCodes.done;
  },
});
