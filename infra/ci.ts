/**
 * `npm run deploy:ci -- OWNER/NAME STAGE...`: once for an account, by somebody who may make roles, the provider and the roles of the pipeline.
 * `--provider ARN` names the provider for GitHub that the account has already.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { App, Validations, type AppProps } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DomainError } from '../shared/errors.ts';
import { readSettings } from './settings.ts';
import { CiStack } from './stacks/ci-stack.ts';

export function createCiApp(args: readonly string[], props: AppProps = {}): App {
  const { region, ...asked } = readArguments(args);
  const app = new App(props);
  void new CiStack(app, 'lorary-ci', { ...asked, env: { region } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks());
  return app;
}

/** Throws `DomainError` for what is no repository, for stages that there are not, and for stages in more than one region. */
function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { provider: { type: 'string' } },
  });
  const [repository = '', ...stages] = positionals;
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || stages.length === 0)
    throw new DomainError('usage', 'Give the repository at GitHub and its stages: deploy:ci -- OWNER/NAME STAGE...');
  const regions = new Set(stages.map((stage) => readSettings(stage).region));
  const [region = '', ...others] = regions;
  if (others.length > 0)
    throw new DomainError('usage', `The stages are in ${[...regions].join(' and ')}: do each region by itself.`);
  const { provider } = values;
  return { repository, stages, region, ...(provider === undefined ? {} : { provider }) };
}

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href) {
  const args = process.argv.slice(2);
  const given = process.env[argumentsVariable()];
  if (given !== undefined)
    createCiApp(JSON.parse(given) as string[]).synth(); // as this file wrote it
  else {
    readArguments(args);
    const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
    const app = `"${process.execPath}" --import tsx infra/ci.ts`;
    const env = { ...process.env, [argumentsVariable()]: JSON.stringify(args) };
    const { status } = spawnSync(process.execPath, [cdk, '--app', app, 'deploy', 'lorary-ci'], {
      stdio: 'inherit',
      env,
    });
    process.exitCode = status ?? 1;
  }
}

/** How the CDK's command hands them on to the program that it runs. */
function argumentsVariable(): string {
  return 'LORARY_CI_ARGUMENTS';
}
