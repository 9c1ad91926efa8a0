import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError, invariant } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { dataFolder } from '../server/credentials.ts';
import { tableText, timeText } from '../table-text.ts';

const where = [
  'For whoever runs the server of this machine: this opens its data folder (LORARY_DATA, or .lorary here), beside a server that serves.',
  'On AWS a team is made with: lorary admin bootstrap --team TEAM',
];

/** `lorary teams`: who shares the server of this machine. */
export const teamsLs = runCommand({
  name: 'teams',
  aliases: ['teams ls'],
  summary: 'List the teams of the server of this folder.',
  usage: '',
  notes: where,
  examples: ['lorary teams'],
  flags: {},
  async run({ json }, io) {
    const { listTeams } = await import('../../shared/records/teams.ts');
    const teams = await inData(io, ({ table }) => listTeams(table));
    if (json) io.print(JSON.stringify({ teams }));
    else
      io.print(
        tableText(
          ['team', 'made'],
          teams.map(({ team, createdAt }) => [team, timeText(createdAt)]),
        ),
      );
    return exitCodes.done;
  },
});

export const teamsCreate = runCommand({
  name: 'teams create',
  summary: 'Make a team and its first key, which may do everything for it and is shown this once.',
  usage: 'TEAM [--new-key]',
  words: { what: 'TEAM', min: 1, max: 1 },
  notes: where,
  examples: ['lorary teams create blue', 'lorary teams create blue --new-key'],
  flags: { 'new-key': { kind: 'switch', help: 'one more such key, for a team that has lost its own' } },
  async run({ words: [team = ''], flags: { 'new-key': newKey }, json }, io) {
    // what the function of a stage does that makes teams
    const { administrate } = await import('../../functions/admin/administrate.ts');
    const action = newKey ? 'create-key' : 'create-team';
    const answer = await inData(io, (world) => administrate(world, { action, team }));
    if (!answer.ok) throw new DomainError(answer.code, answer.message);
    invariant('key' in answer, 'an order for a key is answered with one');
    if (json) io.print(JSON.stringify({ team, key: answer.key }));
    else {
      io.note(`A key of the team "${team}" that may do everything for it. Keep it now, it is not shown again:`);
      io.print(answer.key);
    }
    return exitCodes.done;
  },
});

/** Works on the records of a data folder that is there. Throws `DomainError('no-data')`. */
async function inData<T>(io: CommandIo, work: (world: World) => Promise<T>): Promise<T> {
  const folder = dataFolder(io.environment);
  if (!existsSync(join(folder, 'lorary.sqlite')))
    throw new DomainError('no-data', `There is no data of a server in ${folder}: start one with "lorary up".`);
  const { openLocalWorld } = await import('../../shared/local/local-world.ts');
  const world = await openLocalWorld({ folder, baseUrl: '', role: 'job' });
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}
