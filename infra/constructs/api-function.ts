import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat, type BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionGroups, type FunctionGroup, type FunctionName } from '../function-groups.ts';
import { nameOfFunction } from '../names.ts';
import type { Settings } from '../settings.ts';
import { acknowledge } from './acknowledge.ts';
import { givePolicy } from './grants.ts';
import { grantsOf } from './permissions.ts';
import { threadsOf } from './threads.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ApiFunctionProps {
  readonly name: FunctionName;
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string>>;
}

/** One function of the platform with a role of its own: its code is `functions/<name>/lambda.ts`, its rights are those of its group. */
export class ApiFunction extends Construct {
  readonly function: NodejsFunction;
  readonly name: FunctionName;
  readonly role: Role;

  constructor(scope: Construct, id: string, { name, settings, environment }: ApiFunctionProps) {
    super(scope, id);
    this.name = name;
    const group: FunctionGroup = functionGroups[name];
    const functionName = nameOfFunction(settings, name);
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const policy = givePolicy(this, 'Policy', this.role, [
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] },
      ...group.permissions.flatMap((permission) => grantsOf(permission, settings)),
    ]);
    this.function = new NodejsFunction(this, 'Function', {
      functionName,
      entry: join(root, `functions/${name}/lambda.ts`),
      projectRoot: root,
      depsLockFilePath: join(root, 'package-lock.json'),
      runtime: Runtime.NODEJS_22_X,
      architecture: Architecture.ARM_64,
      memorySize: group.memoryMegabytes,
      timeout: Duration.seconds(group.timeoutSeconds),
      role: this.role,
      logGroup,
      environment: {
        ...environment,
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: 'lorary',
      },
      bundling: { ...bundling, ...threadsOf(name) },
    });
    // a function that starts before its rights are there fails
    this.function.node.addDependency(policy);
    acknowledge(
      this.function,
      'AwsSolutions-L1',
      'nodejs22.x is what the code is tested on; the next runtime follows when the test suite runs on it.',
    );
  }
}

/** Bundled by the esbuild of this repository, without Docker; the SDK comes along, so that its version is the one that was tested. */
export const bundling: BundlingOptions = {
  forceDockerBundling: false,
  format: OutputFormat.ESM,
  target: 'node22',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  bundleAwsSDK: true,
  logLevel: LogLevel.WARNING,
  // bundled CommonJS asks for Node's own modules by require
  banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
};
