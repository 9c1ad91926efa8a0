import { Aws } from 'aws-cdk-lib';
import type { FunctionName } from './function-groups.ts';
import type { GpuMemory } from './instance-families.ts';
import type { Settings } from './settings.ts';

type Stage = Pick<Settings, 'stage'>;

/** The table that the stage makes; records may by now be in one that was restored. */
export function nameOfOwnTable(stage: Stage): string {
  return prefixOf(stage);
}

const prefixOf = ({ stage }: Stage): string => `lorary-${stage}`;

/**
 * Names that one stack gives and another one uses. By convention instead of exports, because an export can neither change nor go while
 * another stack imports it, and the stacks live for different times.
 */
export function namesOf(stage: Pick<Settings, 'stage' | 'restoredTable'>) {
  const prefix = prefixOf(stage);
  return {
    /** Of the table that records are in. */
    table: stage.restoredTable ?? nameOfOwnTable(stage),
    /** Unique in the world, as S3 wants it. */
    bucket: `${prefix}-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
    eventBus: prefix,
    api: prefix,
    cpuQueue: `${prefix}-cpu`,
    gpuQueue: (gpuMemoryGigabytes: GpuMemory) => `${prefix}-gpu-${gpuMemoryGigabytes}`,
    cpuJobDefinition: `${prefix}-cpu`,
    gpuJobDefinition: (gpuMemoryGigabytes: GpuMemory) => `${prefix}-gpu-${gpuMemoryGigabytes}`,
    jobRole: `${prefix}-job`,
    jobDataRole: `${prefix}-job-data`,
    /** Of the key that signs. Whoever uses it asks for it by this name, so that a key can be replaced. */
    signingKey: `alias/${prefix}`,
    /** Of the SecureString with the token for gated models, which nothing of the stage makes. */
    hubTokenParameter: `/lorary/${stage.stage}/hf-token`,
  } as const;
}

/** Of the bucket with the files of the console; unique in the world, as S3 wants it. */
export function nameOfConsoleBucket(
  stage: Stage,
  { account, region }: { readonly account: string; readonly region: string },
): string {
  return `${prefixOf(stage)}-console-${account}-${region}`;
}

export function nameOfFunction(stage: Stage, name: FunctionName): string {
  return `${prefixOf(stage)}-${name}`;
}

/** Of a stack, by what it is for. */
export function nameOfStack(stage: Stage, purpose: 'data' | 'app' | 'jobs'): string {
  return `${prefixOf(stage)}-${purpose}`;
}
