import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DomainError } from '../shared/errors.ts';
import { gpuClasses, instanceFamilies } from './instance-families.ts';

/** A container image: built from the repository where it is deployed, or one that was pushed, by its digest. */
const image = z.union([
  z.strictObject({ build: z.literal(true) }),
  z.strictObject({
    uri: z.string().regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, 'name the image by its digest: host/name@sha256:...'),
  }),
]);

const zone = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'a zone is e.g. us-east-1a');

/** Classes of machines, by the ends of their queues' names. */
const pricedClass = z.enum(['cpu', 'gpu-16', 'gpu-24', 'gpu-48', 'gpu-80']);
export type PricedClassName = z.output<typeof pricedClass>;

const schema = z
  .strictObject({
    /** In every name of the stage. */
    stage: z.string().regex(/^[a-z][a-z0-9]{0,15}$/, '1 to 16 of a-z and 0-9, a letter first'),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region is e.g. us-east-1'),
    /** Absent: the account of whoever deploys. */
    account: z
      .string()
      .regex(/^\d{12}$/, 'an account has 12 digits')
      .optional(),
    /** Where job machines may start. Named here, because looking them up would take an account to look in. */
    availabilityZones: z.array(zone).min(1),
    /** Of job machines, by the names that AWS gives them; each makes its class of GPU memory available. */
    gpuFamilies: z.array(z.enum(instanceFamilies)),
    gpuImage: image,
    cpuImage: image.default({ build: true }),
    /** Bounds what can be spent at once: vCPUs of all machines of one class, and of the CPU queue. */
    vcpusMax: z.strictObject({ perGpuClass: z.int().min(4), cpu: z.int().min(4) }),
    /** Merging is streaming through a file with one product a tensor: a GPU is faster, a machine without is cheaper. */
    mergeOn: z.enum(['gpu', 'cpu']).default('gpu'),
    /**
     * What an hour of a machine costs here, where that is not the list price of us-east-1 that is built in (`shared/domain/machine-prices.ts`):
     * another region, a later day, a discount. Budgets are kept by these. Absent, as each of the classes: that list price.
     */
    prices: z
      .strictObject({
        /** The day they were looked up; estimates say it. */
        asOf: z.iso.date(),
        dollarsPerHour: z.partialRecord(pricedClass, z.number().positive().max(1000)),
      })
      .optional(),
    /** Whether a token of Hugging Face may be read that somebody has stored (`namesOf`), for models that are not open to everyone. */
    gatedModels: z.boolean().default(false),
    /** Told of every alarm. */
    alarmEmail: z.email().optional(),
    /** Absent: the name that CloudFront gives. */
    domain: z
      .strictObject({
        name: z.hostname(),
        /** Of ACM in us-east-1, as CloudFront wants it. */
        certificateArn: z.string().regex(/^arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]+$/),
      })
      .optional(),
    /** Name of the table that records are in, once they have been put back in time; absent: the one that the stage makes. */
    restoredTable: z
      .string()
      .regex(/^[\w.-]{3,255}$/, 'a table has 3 to 255 of letters, digits, ".", "_" and "-"')
      .optional(),
    /** What alarms link to. */
    runbookUrl: z.string().min(1).default('docs/runbook.md'),
  })
  .refine(({ region, availabilityZones }) => availabilityZones.every((zone) => zone.slice(0, -1) === region), {
    path: ['availabilityZones'],
    message: 'every zone belongs to the region',
  })
  .superRefine(({ prices, gpuFamilies }, context) => {
    const there = new Set([
      'cpu',
      ...gpuClasses(gpuFamilies).map(({ gpuMemoryGigabytes }) => `gpu-${gpuMemoryGigabytes}`),
    ]);
    for (const name of Object.keys(prices?.dollarsPerHour ?? {}))
      if (!there.has(name))
        context.addIssue({
          code: 'custom',
          path: ['prices', 'dollarsPerHour', name],
          message: 'none of the families of this stage has such machines',
        });
  });

/** What one stage is deployed with. */
export type Settings = z.output<typeof schema>;
export type Image = z.output<typeof image>;

/** Throws `DomainError('bad-settings')` with all that is wrong. */
export function parseSettings(value: unknown, name: string): Settings {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const findings = parsed.error.issues.map(({ path, message }) => ({
    severity: 'error' as const,
    code: 'bad-setting',
    message,
    where: path.join('.'),
  }));
  const listed = findings.map(({ where, message }) => `${where}: ${message}`).join('; ');
  throw new DomainError('bad-settings', `The settings of ${name} cannot be used: ${listed}.`, { findings });
}

/** Names a folder of settings outside the repository, instead of `infra/stages`. */
export const stagesVariable = 'LORARY_STAGES_FOLDER';

/** Settings of `infra/stages/<stage>.json`. Throws `DomainError('no-such-stage' | 'bad-settings')`. */
export function readSettings(stage: string, folder = process.env[stagesVariable]): Settings {
  const name = join(folder ?? 'infra/stages', `${stage}.json`);
  let text: string;
  try {
    text = readFileSync(join(folder ?? fileURLToPath(new URL('stages', import.meta.url)), `${stage}.json`), 'utf8');
  } catch (cause) {
    throw new DomainError('no-such-stage', `There is no ${name}: copy infra/stages/dev.json.`, { cause });
  }
  const settings = parseSettings(JSON.parse(text), name);
  if (settings.stage === stage) return settings;
  throw new DomainError('bad-settings', `${name} is for the stage "${settings.stage}": name both alike.`);
}
