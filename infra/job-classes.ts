import type { JobClass } from '../shared/aws/environment.ts';
import { gpuClasses } from './instance-families.ts';
import { namesOf } from './names.ts';
import type { PricedClassName, Settings } from './settings.ts';

/** The queues of a stage as a function that starts jobs is told of them. */
export function jobClasses(settings: Settings): readonly JobClass[] {
  const names = namesOf(settings);
  const { prices } = settings;
  const priceOf = (name: PricedClassName): Pick<JobClass, 'price'> => {
    const dollarsPerHour = prices?.dollarsPerHour[name];
    return prices && dollarsPerHour !== undefined ? { price: { dollarsPerHour, asOf: prices.asOf } } : {};
  };
  return [
    { queue: names.cpuQueue, jobDefinition: names.cpuJobDefinition, ...priceOf('cpu') },
    ...gpuClasses(settings.gpuFamilies).map(({ gpuMemoryGigabytes, gpuMemoryBytes }) => ({
      queue: names.gpuQueue(gpuMemoryGigabytes),
      jobDefinition: names.gpuJobDefinition(gpuMemoryGigabytes),
      gpuMemoryBytes,
      ...priceOf(`gpu-${gpuMemoryGigabytes}`),
    })),
  ];
}
