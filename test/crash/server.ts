/** The server of this machine over a world that may lose a write, or be some days ahead. */
import { parseArgs } from 'node:util';
import { jobCommand } from '../../functions/dev-server/job-command.ts';
import { startServer } from '../../functions/dev-server/start-server.ts';
import { welcomeText } from '../../functions/dev-server/welcome-text.ts';
import { defaultDataFolder } from '../../shared/local/local-world.ts';
import { openAsTold } from './sabotage.ts';
import { join } from 'node:path';
import { repository } from './settings.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const folder = defaultDataFolder();
const server = await startServer({
  folder,
  port: Number(values.port),
  environment: process.env,
  current: process.cwd(),
  openWorld: openAsTold,
  commandOf: (run) => {
    const { args, ...command } = jobCommand(run, folder, process.env);
    // the same command, but another entry
    const container = join(repository, 'test', 'crash', 'container.ts');
    return { ...command, args: args.map((arg) => (arg.endsWith('main.ts') ? container : arg)) };
  },
});
// before anybody knows that it is up
process.once('SIGTERM', () => void server.stop());
console.log(welcomeText(server));
