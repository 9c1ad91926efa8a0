import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '../../shared/errors.ts';

const schema = z.object({
  region: z.string().min(1),
  account: z.string().optional(),
  availabilityZones: z.array(z.string()),
  gpuFamilies: z.array(z.string()),
});

/** What of a stage's settings an account is held against; the deployment reads all of them, and more strictly. */
export type StageSettings = z.output<typeof schema>;

/** Of `infra/stages/<stage>.json` in a clone of the repository. Throws `DomainError('no-such-stage' | 'bad-settings')`. */
export async function readStageSettings(
  stage: string,
  folder = new URL('../../infra/stages/', import.meta.url),
): Promise<StageSettings> {
  const name = `infra/stages/${stage}.json`;
  let text: string;
  try {
    text = await readFile(new URL(`${stage}.json`, folder), 'utf8');
  } catch (cause) {
    const message = `There is no ${name}: run this in a clone of the repository, and name one of its stages.`;
    throw new DomainError('no-such-stage', message, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DomainError('bad-settings', `${name} is not valid JSON.`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const listed = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DomainError('bad-settings', `${name} cannot be used: ${listed}.`);
}

/** Throws `DomainError('usage')`. */
export function requireStageName(stage: string): void {
  if (!/^[a-z][a-z0-9]{0,15}$/.test(stage))
    throw new DomainError('usage', `"${stage}" is no stage: its name has 1 to 16 of a-z and 0-9, a letter first.`);
}

/** Of the settings in a clone of the repository; undefined: whatever the AWS tools use. */
export async function regionOf(stage: string): Promise<string | undefined> {
  try {
    return (await readStageSettings(stage)).region;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'no-such-stage') return undefined;
    throw error;
  }
}
