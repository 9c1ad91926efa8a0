/** A server that can be killed: `server.ts <folder> <slots>`. It says `ready`, then submits what it is sent and says `submitted`. */
import { openLocalWorld } from '../../shared/local/local-world.ts';
import { commandOf } from './open-local.ts';

const [folder = '', slots = '1'] = process.argv.slice(2);
const world = await openLocalWorld({
  folder,
  baseUrl: 'http://127.0.0.1:1',
  role: 'server',
  commandOf,
  slots: Number(slots),
  durability: 'process-death',
});
process.on('message', (run: { runId: string; jobId: string; team: string }) => {
  void world.runner.submit(run).then(() => process.send?.('submitted'));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
