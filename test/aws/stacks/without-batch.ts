import { fileURLToPath } from 'node:url';
import type { TestJobDefinition } from '../batch-endpoint.ts';
import type { StageCommands, Template, TemplateResource } from './stage-commands.ts';

/** What the emulator knows no resources of. */
export const typesOfBatch = [
  'AWS::Batch::ComputeEnvironment',
  'AWS::Batch::JobDefinition',
  'AWS::Batch::JobQueue',
  'AWS::Batch::SchedulingPolicy',
] as const;

export interface StageOfBatch {
  /** By name, as the endpoint of the tests is told of them. */
  readonly definitions: Readonly<Record<string, TestJobDefinition & { readonly roleArn: string }>>;
  readonly queues: readonly string[];
}

/**
 * Deploys the stack of the jobs without the resources of Batch: network, machines' templates and roles are there. Answers what Batch would
 * have been told, resolved by CloudFormation itself. Roles of containers may be taken on without the account that only ECS can name.
 */
export async function deployWithoutBatch(commands: StageCommands): Promise<StageOfBatch> {
  let taken: readonly TemplateResource[] = [];
  const outputs = await commands.deployChanged('jobs', (template) => {
    taken = takeBatch(template);
    trustWhoever(template);
    template.Outputs = Object.fromEntries(
      definitionsIn(taken).flatMap(({ ContainerProperties: { JobRoleArn, Environment } }, at) => [
        [`Definition${at}Role`, { Value: JobRoleArn }],
        ...Environment.map(({ Value }, index) => [`Definition${at}Value${index}`, { Value }] as const),
      ]),
    );
  });
  const definitions = definitionsIn(taken).map(({ JobDefinitionName, ContainerProperties }, at) => {
    const { Command, Environment } = ContainerProperties;
    const environment = Environment.map(({ Name }, index) => [Name, outputs[`Definition${at}Value${index}`] ?? '']);
    const definition = { entrypoint, command: Command, environment: Object.fromEntries(environment) as Variables };
    return [JobDefinitionName, { ...definition, roleArn: outputs[`Definition${at}Role`] ?? '' }] as const;
  });
  const queues = taken.filter(({ Type }) => Type === 'AWS::Batch::JobQueue');
  return {
    definitions: Object.fromEntries(definitions),
    queues: queues.map(({ Properties }) => (Properties as unknown as { JobQueueName: string }).JobQueueName), // of a queue
  };
}

type Variables = Record<string, string>;

/** As the images have it. */
const entrypoint = [
  process.execPath,
  '--import',
  'tsx',
  fileURLToPath(new URL('../../../gpu-job/main.ts', import.meta.url)),
];

function takeBatch(template: Template): readonly TemplateResource[] {
  const isOfBatch = ([, { Type }]: readonly [string, TemplateResource]): boolean =>
    typesOfBatch.some((type) => type === Type);
  const all = Object.entries(template.Resources);
  template.Resources = Object.fromEntries(all.filter((entry) => !isOfBatch(entry)));
  return all.filter(isOfBatch).map(([, resource]) => resource);
}

function trustWhoever({ Resources }: Template): void {
  for (const { Type, Properties } of Object.values(Resources)) {
    if (Type !== 'AWS::IAM::Role') continue;
    const { AssumeRolePolicyDocument } = Properties as unknown as { AssumeRolePolicyDocument: Trust }; // of a role
    for (const statement of AssumeRolePolicyDocument.Statement) delete statement.Condition;
  }
}

interface Trust {
  readonly Statement: readonly { Condition?: unknown }[];
}

interface DefinitionProperties {
  readonly JobDefinitionName: string;
  readonly ContainerProperties: {
    readonly Command: readonly string[];
    readonly JobRoleArn: unknown;
    readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
  };
}

const definitionsIn = (resources: readonly TemplateResource[]): readonly DefinitionProperties[] =>
  resources
    .filter(({ Type }) => Type === 'AWS::Batch::JobDefinition')
    .map(({ Properties }) => Properties as unknown as DefinitionProperties); // as the library writes one
