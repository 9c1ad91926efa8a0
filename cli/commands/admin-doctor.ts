import { exitCodes } from '../../gpu-job/main.ts';
import { diagnosisLine } from '../../shared/domain/diagnosis.ts';
import { DomainError } from '../../shared/errors.ts';
import type { Account } from '../admin/account.ts';
import { examineAccount } from '../admin/examine-account.ts';
import { readStageSettings } from '../admin/stage-settings.ts';
import { runCommand } from '../command.ts';

/** `lorary admin doctor`: whether an AWS account is ready for a stage. */
export const adminDoctor = runCommand({
  name: 'admin doctor',
  summary: 'Check what a stage needs of an AWS account: credentials, bootstrap, room for GPU machines, zones.',
  usage: '[STAGE]',
  words: { what: 'STAGE', min: 0, max: 1 },
  notes: [
    'Works in a clone of the repository, with the credentials that the AWS tools use, and changes nothing. Without STAGE it is dev.',
  ],
  examples: ['lorary admin doctor', 'AWS_PROFILE=work lorary admin doctor prod'],
  flags: {},
  async run({ words: [stage = 'dev'], json }, io) {
    const settings = await readStageSettings(stage);
    const found = await examineAccount(await openAccount(settings.region), settings);
    if (json) io.print(JSON.stringify({ checks: found }));
    else for (const one of found) io.print(diagnosisLine(one));
    return found.some(({ verdict }) => verdict === 'bad') ? exitCodes.refused : exitCodes.done;
  },
});

/** The clients are for whoever deploys, and do not come with the package. */
async function openAccount(region: string): Promise<Account> {
  try {
    const { awsAccount } = await import('../admin/aws-account.ts');
    return awsAccount(region);
  } catch (cause) {
    throw new DomainError('usage', 'The AWS clients are not installed: run "npm ci" in a clone of the repository.', {
      cause,
    });
  }
}
