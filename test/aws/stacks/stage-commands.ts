import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { nameOfStack } from '../../../infra/names.ts';
import { stagesVariable, type Settings } from '../../../infra/settings.ts';
import { resultOf, type CliResult } from '../../support/lorary-cli.ts';
import { places } from '../places.ts';
import { accountId, emulatorKey, emulatorSecret, region, type StacksEndpoint } from '../targets.ts';

/** Name of the stage that the tests deploy. */
export const stage = 'suite';

export type StackPurpose = Parameters<typeof nameOfStack>[1];

/** What of a template is read and changed. */
export interface Template {
  Resources: Record<string, TemplateResource>;
  Outputs?: Record<string, { readonly Value: unknown }>;
}

export interface TemplateResource {
  readonly Type: string;
  // what a template says of a resource has no type of its own
  readonly Properties: Record<string, never>;
}

export interface StageCommands {
  /** `npm run deploy -- suite --only ...`. */
  deploy(only: readonly StackPurpose[], change?: Partial<Settings>): Promise<CliResult>;
  /** `npm run deploy -- suite --destroy ...`. */
  destroy(...flags: readonly string[]): Promise<CliResult>;
  /** `npx cdk bootstrap ...`. */
  bootstrap(): Promise<CliResult>;
  /** `npx cdk <command> <stack> ...`, of what `deploy` has synthesised last. */
  cdk(command: string, purpose: StackPurpose, ...flags: readonly string[]): Promise<CliResult>;
  /** Deploys a stack as it was synthesised last, with its template changed. Answers its outputs. */
  deployChanged(
    purpose: StackPurpose,
    change?: (template: Template) => void,
  ): Promise<Readonly<Record<string, string>>>;
}

/** What an operator types to deploy a stage, for the account of the emulator; settings and everything that is made stay in `folder`. */
export async function stageCommands(folder: string, { url, certificate }: StacksEndpoint): Promise<StageCommands> {
  const stages = join(folder, 'stages');
  const assembly = join(folder, 'assembly');
  await mkdir(stages, { recursive: true });
  const write = (change: Partial<Settings> = {}): Promise<void> =>
    writeFile(join(stages, `${stage}.json`), JSON.stringify({ ...settings, ...change }));
  await write();
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    NODE_NO_WARNINGS: '1',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: emulatorKey,
    AWS_SECRET_ACCESS_KEY: emulatorSecret,
    AWS_ENDPOINT_URL: url,
    // the address of a template is made from this one
    AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION: url,
    AWS_CA_BUNDLE: certificate,
    NODE_EXTRA_CA_CERTS: certificate,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_OUTPUT: assembly,
    LORARY_STAGE: stage,
    [stagesVariable]: stages,
  };
  const run = (args: readonly string[], cwd: string = places.root): Promise<CliResult> =>
    resultOf(spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  const program = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const cdk: StageCommands['cdk'] = (command, purpose, ...flags) =>
    run([program, command, nameOfStack({ stage }, purpose), '--app', assembly, ...flags]);
  const deployment = async (...words: readonly string[]): Promise<CliResult> => {
    await rm(assembly, { recursive: true, force: true });
    return run(['--import', 'tsx', 'infra/deploy.ts', stage, ...words]);
  };
  return {
    destroy: (...flags) => deployment('--destroy', ...flags),
    // elsewhere, because in the repository it would synthesise all stacks before and use nothing of it
    bootstrap: () => run([program, 'bootstrap', `aws://${accountId}/${region}`], folder),
    cdk,
    async deploy(only, change) {
      await write(change);
      return deployment('--only', only.join(','));
    },
    async deployChanged(purpose, change = () => undefined) {
      const name = nameOfStack({ stage }, purpose);
      await changeTemplate(assembly, name, change);
      const outputs = join(folder, 'outputs.json');
      const flags = ['--exclusively', '--outputs-file', outputs, '--require-approval', 'never'];
      const told = await cdk('deploy', purpose, ...flags);
      if (told.code !== 0) throw new Error(`${name} is not deployed: ${told.err}${told.out}`);
      const read = JSON.parse(await readFile(outputs, 'utf8')) as Record<string, Record<string, string>>;
      return read[name] ?? {};
    },
  };
}

/** As in `infra/stages`, what has a default left out; the images are never fetched. */
const settings = {
  stage,
  region,
  account: accountId,
  availabilityZones: ['a', 'b'].map((zone) => `${region}${zone}`),
  gpuFamilies: ['g4dn', 'g6'],
  gpuImage: { uri: `registry.test/lorary@sha256:${'0'.repeat(64)}` },
  cpuImage: { uri: `registry.test/lorary@sha256:${'1'.repeat(64)}` },
  vcpusMax: { perGpuClass: 4, cpu: 4 },
} satisfies Partial<Settings>;

/**
 * Changes a template of an assembly, beginning with what was synthesised, and the hash by which it is uploaded: what is in the bucket under
 * a hash is not sent again.
 */
async function changeTemplate(assembly: string, stack: string, change: (template: Template) => void): Promise<void> {
  const path = join(assembly, `${stack}.template.json`);
  const original = `${path}.synthesised`;
  await copyFile(path, original, constants.COPYFILE_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const template = JSON.parse(await readFile(original, 'utf8')) as Template;
  change(template);
  const text = JSON.stringify(template);
  await writeFile(path, text);
  const assetsPath = join(assembly, `${stack}.assets.json`);
  const assets = JSON.parse(await readFile(assetsPath, 'utf8')) as { files: Record<string, { source: object }> };
  const [hash = ''] =
    Object.entries(assets.files).find(([, { source }]) => JSON.stringify(source).includes('template.json')) ?? [];
  const ours = createHash('sha256').update(text).digest('hex');
  for (const file of [assetsPath, join(assembly, 'manifest.json')])
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(hash, ours));
}
