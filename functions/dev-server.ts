import { parseArgs } from 'node:util';
import { DomainError } from '../shared/errors.ts';
import { defaultDataFolder } from '../shared/local/local-world.ts';
import { startServer, type RunningServer } from './dev-server/start-server.ts';
import { welcomeText } from './dev-server/welcome-text.ts';

/** `npm start`: serves the platform on this machine until it is told to stop. */
try {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '7411' }, 'new-key': { type: 'boolean', default: false } },
  });
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535)
    throw new DomainError('usage', `--port is a number from 0 (a free one) to 65535, not "${values.port}".`);
  const server = await startServer({
    folder: defaultDataFolder(),
    port: Number(values.port),
    environment: process.env,
    current: process.cwd(),
    newKey: values['new-key'],
  });
  // whoever waits for the text may send a signal at once
  stopOnSignals(server);
  console.log(welcomeText(server));
} catch (error) {
  console.error(error instanceof DomainError ? error.message : error);
  process.exitCode = 1;
}

/** The first signal ends what is in work; a second one ends the process, which loses nothing that was acknowledged. */
function stopOnSignals(server: RunningServer): void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop);
    void server.stop().then(() => console.log('Stopped.'));
  };
  for (const signal of signals) process.on(signal, stop);
}
