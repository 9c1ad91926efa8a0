import { expect, test } from 'vitest';
import { runTyped } from '../../test/support/run-command.ts';
import { rollback } from './rollback.ts';

const run = (...words: string[]) => runTyped(rollback, { LORARY_DATA: '/nowhere' }, words);

test('whoever leaves the alias out, or names a version, is told what to type', async () => {
  await expect(run('french')).rejects.toThrow('Say which alias: lorary rollback french ALIAS');
  await expect(run('x@1')).rejects.toThrow('x@1 is a version, and an alias is what is moved back: lorary rollback x');
  await expect(run()).rejects.toThrow('NAME ALIAS: is missing');
  // understood: what is missing then is a server
  await expect(run('french@production')).rejects.not.toMatchObject({ code: 'usage' });
});
