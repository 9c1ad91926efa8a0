/**
 * The server of the platform, whose jobs do nothing but last: a job that computed, or one that ended and made room for the next, would
 * disturb what is timed. The first one takes the machine's place for jobs, all others wait.
 */
import { startServer } from '../functions/dev-server/start-server.ts';
import { defaultDataFolder } from '../shared/local/local-world.ts';

const idle = 'setTimeout(() => undefined, 1_200_000)'; // longer than any run, and not for ever
const server = await startServer({
  folder: defaultDataFolder(),
  port: 0,
  environment: process.env,
  current: process.cwd(),
  commandOf: () => ({ command: process.execPath, args: ['-e', idle], env: {} }),
});
process.once('SIGTERM', () => void server.stop());
