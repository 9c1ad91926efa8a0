import { expect, test } from 'vitest';
import { readRunArgs } from '../read-run-args.ts';
import type { CommandIo } from '../command.ts';
import { rollback } from './rollback.ts';

const io: CommandIo = {
  print: () => undefined,
  note: () => undefined,
  screen: { write: () => undefined, isTerminal: false, columns: 80, now: () => 0 },
  environment: { LORARY_DATA: '/nowhere' },
};

async function run(...words: string[]): Promise<number> {
  const args = readRunArgs(rollback, words);
  return args === 'help' ? 0 : rollback.run(args, io);
}

test('whoever leaves the alias out, or names a version, is told what to type', async () => {
  await expect(run('french')).rejects.toThrow('Say which alias: lorary rollback french ALIAS');
  await expect(run('x@1')).rejects.toThrow('x@1 is a version, and an alias is what is moved back: lorary rollback x');
  await expect(run()).rejects.toThrow('NAME ALIAS: is missing');
  // understood: what is missing then is a server
  await expect(run('french@production')).rejects.not.toMatchObject({ code: 'usage' });
});
