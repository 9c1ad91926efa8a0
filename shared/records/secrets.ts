import { z } from 'zod';
import { ConditionError, type World } from '../platform/ports.ts';
import { keys } from './keys.ts';

const secretSchema = z.object({ base64: z.string() });

/** 32 random bytes that the platform keeps under a name; made when they are first asked for. */
export async function platformSecret(
  { table, randomBytes }: Pick<World, 'table' | 'randomBytes'>,
  name: string,
): Promise<Uint8Array> {
  const key = keys.secret(name);
  const read = async (): Promise<Uint8Array | undefined> => {
    const record = await table.get(key);
    return record && Buffer.from(secretSchema.parse(record.value).base64, 'base64');
  };
  const known = await read();
  if (known) return known;
  const made = randomBytes(32);
  try {
    await table.put({ key, value: { base64: Buffer.from(made).toString('base64') } }, { ifAbsent: true });
    return made;
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    const winner = await read();
    if (!winner) throw error;
    return winner;
  }
}
