import { exitCodes, withStopSignals } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand } from '../command.ts';
import { dataFolder } from '../server/credentials.ts';

/** `lorary up`: the platform on this machine. */
export const up = runCommand({
  name: 'up',
  summary: 'Start a server on this machine, which keeps its data in this folder, and serve until Ctrl-C.',
  usage: '[--port PORT] [--new-key]',
  notes: [
    'Data stands in LORARY_DATA, or .lorary here. The first start makes a team and its key, and the base "tiny" to try things with;',
    '"lorary" in this folder then works without a login. Jobs go on when the server stops, and the next start finds them.',
  ],
  examples: ['lorary up', 'lorary up --port 0'],
  flags: {
    port: { kind: 'number', value: 'PORT', help: 'where it answers; 0: a free one [7411]' },
    'new-key': { kind: 'switch', help: 'make one more key that may do everything, for who has lost theirs' },
  },
  async run({ flags: { port = 7411, 'new-key': newKey }, json }, io) {
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw new DomainError('usage', `--port is a number from 0 (a free one) to 65535, not ${port}.`);
    // the whole server, which no other command needs to load
    const { startServer } = await import('../../functions/dev-server/start-server.ts');
    const { welcomeText } = await import('../../functions/dev-server/welcome-text.ts');
    const server = await startServer({
      folder: dataFolder(io.environment),
      port,
      environment: io.environment,
      current: process.cwd(),
      newKey,
      log: (message, error) => io.note(`${message}: ${error instanceof Error ? error.message : String(error)}`),
    });
    const { url, folder, team, key } = server;
    io.print(json ? JSON.stringify({ url, folder, team, key: key ?? null }) : welcomeText(server));
    await withStopSignals(untilAborted, () => {
      if (!json) io.note('Stopping; jobs go on.');
    });
    await server.stop();
    return exitCodes.done;
  },
});

/** The server itself keeps the process alive. */
const untilAborted = (stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
