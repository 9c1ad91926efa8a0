import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import type { TeamKey } from '../admin/admin-function.ts';
import { regionOf, requireStageName } from '../admin/stage-settings.ts';
import { agrees } from '../ask.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { login } from './login.ts';

/** `lorary admin bootstrap`: the first key of a stage on AWS. */
export const adminBootstrap = runCommand({
  name: 'admin bootstrap',
  summary: 'Make a team of a stage on AWS and its first key, which is shown this once.',
  usage: '[--stage STAGE] [--team NAME] [flags]',
  notes: [
    'Nothing but IAM leads to the function that makes teams: the credentials are those that the AWS tools use, and need',
    'lambda:InvokeFunction on lorary-STAGE-admin. The region is that of infra/stages/STAGE.json, elsewhere that of the AWS tools.',
    'At a terminal it asks whether to log in with the key at once, as "lorary login" does.',
  ],
  examples: [
    'lorary admin bootstrap --team blue',
    'AWS_PROFILE=work lorary admin bootstrap --stage prod --team blue --login',
    'lorary admin bootstrap --team blue --new-key',
  ],
  flags: {
    stage: { kind: 'text', value: 'STAGE', help: 'which stage [dev]' },
    team: { kind: 'text', value: 'NAME', help: 'what the team is called [main]' },
    name: { kind: 'text', value: 'KEYNAME', help: 'what the key is called in "lorary keys" [full]' },
    'new-key': { kind: 'switch', help: 'one more key that may do everything, for a team that has lost its own' },
    login: { kind: 'switch', help: 'log in with the key, without being asked' },
  },
  async run({ flags: { stage = 'dev', team = 'main', name, 'new-key': newKey, login: unasked }, json }, io) {
    requireStageName(stage);
    const action = newKey ? 'create-key' : 'create-team';
    // the client of AWS, which no other command needs to load
    const { askAdminFunction } = await import('../admin/admin-function.ts');
    const made = await askAdminFunction(stage, { action, team, name }, await regionOf(stage));
    if (json) {
      // printed before anything else can fail
      io.print(JSON.stringify({ stage, ...made }));
      return unasked ? logIn(made, io) : exitCodes.done;
    }
    io.note(`A key that may do everything for the team ${made.team} of ${stage}. Keep it now, it is not shown again:`);
    io.print(made.key);
    if (made.url !== undefined) io.note(`The stage answers at ${made.url}`);
    if (unasked || (await agrees('Log in with it here?'))) return logIn(made, io);
    io.note(`Log in where it is needed with: lorary login --url ${made.url ?? 'URL'}`);
    return exitCodes.done;
  },
});

/** The key is told already, so what it says goes beside the result. */
async function logIn({ url, key }: TeamKey, io: CommandIo): Promise<number> {
  if (url === undefined)
    throw new DomainError('usage', 'The stage does not say where it answers: lorary login --url URL');
  return login.run({ words: [], flags: { url, key }, json: false }, { ...io, print: (text) => io.note(text) });
}
