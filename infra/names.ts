import { Aws } from 'aws-cdk-lib';
import type { GpuMemory } from './instance-families.ts';
import type { Settings } from './settings.ts';

/**
 * Names that one stack gives and another one uses. By convention instead of exports, because an export can neither change nor go while
 * another stack imports it, and the stacks live for different times.
 */
export function namesOf({ stage }: Pick<Settings, 'stage'>) {
  const name = `lorary-${stage}`;
  return {
    table: name,
    /** Unique in the world, as S3 wants it. */
    bucket: `${name}-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
    eventBus: name,
    cpuQueue: `${name}-cpu`,
    gpuQueue: (gpuMemoryGigabytes: GpuMemory) => `${name}-gpu-${gpuMemoryGigabytes}`,
    cpuJobDefinition: `${name}-cpu`,
    gpuJobDefinition: (gpuMemoryGigabytes: GpuMemory) => `${name}-gpu-${gpuMemoryGigabytes}`,
    jobRole: `${name}-job`,
  } as const;
}
