import { z } from 'zod';
import { limits } from '../../limits.ts';

export const mixWeightField = z
  .number()
  .gt(0)
  .max(limits.mixWeightMax)
  .default(1)
  .describe('Rows of it for each row of the first dataset.');

/** Datasets that are mixed into the first one. */
export const mixField = <T extends z.ZodType>(entry: T): z.ZodArray<T> =>
  z
    .array(entry)
    .min(1)
    .max(limits.mixedDatasetsMax)
    .describe(
      'Further datasets, mixed in row by row. An epoch ends with the first dataset; the others go on where it ended, and begin again where they end.',
    );
