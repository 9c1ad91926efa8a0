import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { App, Tags, Validations, type AppProps } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readSettings, type Settings } from './settings.ts';
import { AppStack } from './stacks/app-stack.ts';
import { DataStack } from './stacks/data-stack.ts';
import { JobsStack } from './stacks/jobs-stack.ts';
import { nameOfStack } from './names.ts';

const flags = createRequire(import.meta.url)('aws-cdk-lib/recommended-feature-flags.json') as Record<string, unknown>;

/**
 * The stacks of one stage, by how long they live: what is kept, what answers, what computes. None looks anything up, so they can be
 * synthesised without an account or a network. `letDataGo`: for taking a stage down with all that it keeps.
 */
export function createApp(settings: Settings, props: AppProps = {}, { letDataGo = false } = {}): App {
  const app = new App({ ...props, postCliContext: { ...flags, ...props.postCliContext } });
  const { stage, region, account } = settings;
  const env = { region, ...(account === undefined ? {} : { account }) };
  new DataStack(app, nameOfStack(settings, 'data'), { settings, env, letGo: letDataGo });
  new JobsStack(app, nameOfStack(settings, 'jobs'), { settings, env });
  new AppStack(app, nameOfStack(settings, 'app'), { settings, env });
  Tags.of(app).add('lorary:stage', stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href) {
  const { LORARY_STAGE: stage = 'dev', LORARY_LET_DATA_GO: going } = process.env;
  createApp(readSettings(stage), {}, { letDataGo: going === stage }).synth();
}
