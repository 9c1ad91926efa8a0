/**
 * `npm run deploy -- <stage>...`: one stage after the other, of each what is kept, then what computes, then what answers; stops at the
 * first that fails. `--only data,app` leaves stacks out.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { DomainError } from '../shared/errors.ts';
import { nameOfStack } from './names.ts';
import { readSettings } from './settings.ts';

const purposes = ['data', 'jobs', 'app'] as const;

export interface DeployStep {
  readonly stage: string;
  /** Arguments of `cdk`. */
  readonly args: readonly string[];
}

/** What to do for these arguments. Throws `DomainError` for stages and stacks that there are not. */
export function deploySteps(args: readonly string[]): readonly DeployStep[] {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: 'string' } },
  });
  const only = values.only?.split(',') ?? [...purposes];
  const unknown = only.filter((name) => !purposes.some((purpose) => purpose === name));
  if (unknown.length > 0)
    throw new DomainError(
      'no-such-stack',
      `There is no stack "${unknown.join('", "')}": there are ${purposes.join(', ')}.`,
    );
  const stages = positionals.length === 0 ? ['dev'] : positionals;
  return stages.map(readSettings).flatMap((settings) =>
    purposes
      .filter((purpose) => only.includes(purpose))
      .map((purpose) => ({
        stage: settings.stage,
        args: ['deploy', nameOfStack(settings, purpose), '--exclusively', '--require-approval', 'never'],
      })),
  );
}

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href) {
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  for (const { stage, args } of deploySteps(process.argv.slice(2))) {
    const env = { ...process.env, LORARY_STAGE: stage };
    const { status } = spawnSync(process.execPath, [cdk, ...args], { stdio: 'inherit', env });
    if (status !== 0) process.exit(status ?? 1);
  }
}
