/**
 * A process that does one operation and ends itself by SIGKILL right before or after a call of its store:
 * `victim.ts <folder> <operation> <number of the call> before|after [split]`. For number 0 it lives, and says as JSON which calls it made.
 * With `split` a version is published by two writes.
 */
import type { RecordWrite, World } from '../../../shared/platform/ports.ts';
import { seededBytes } from './seeded-bytes.ts';
import { operations } from './operations.ts';
import { openScene } from './scene.ts';

const [folder = '', name = '', at = '0', when = 'before', fault = ''] = process.argv.slice(2);
const operation = operations.find((one) => one.name === name);
if (!operation) throw new Error(`there is no operation "${name}"`);

const calls: string[] = [];
const counted = (world: World): World => ({
  ...world,
  now: () => world.now(),
  table: countCalls(world.table, 'table'),
  blobs: countCalls(world.blobs, 'blobs'),
});
const through = (world: World): World => (fault === 'split' ? splitPublish(counted(world)) : counted(world));
const scene = await openScene({ folder, role: 'job', randomBytes: seededBytes(1), through });
await operation.run(scene);
await scene.close();
console.log(JSON.stringify(calls));

function countCalls<T extends object>(inner: T, port: string): T {
  return new Proxy(inner, {
    get(target, property) {
      const method: unknown = Reflect.get(target, property, target);
      if (typeof method !== 'function') return method;
      return (...args: readonly unknown[]) => {
        calls.push(`${port}.${String(property)}`);
        const isLast = calls.length === Number(at);
        if (isLast && when === 'before') die();
        const result: unknown = Reflect.apply(method, target, args);
        if (!isLast) return result;
        return result instanceof Promise ? result.then(die, die) : die();
      };
    },
  });
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // nothing happens after it
  for (;;);
}

/** What is written when a version gets its number is written by halves. */
function splitPublish(world: World): World {
  const { table } = world;
  const isPublish = (write: RecordWrite): boolean => 'put' in write && write.put.value['state'] === 'published';
  const split: World['table'] = {
    get: (key) => table.get(key),
    put: (record, condition) => table.put(record, condition),
    delete: (key, condition) => table.delete(key, condition),
    increment: (key, field, by, options) => table.increment(key, field, by, options),
    query: (query) => table.query(query),
    async transact(writes, { token }) {
      if (!writes.some(isPublish)) return table.transact(writes, { token });
      const middle = Math.floor(writes.length / 2);
      await table.transact(writes.slice(0, middle), { token: `${token}1` });
      await table.transact(writes.slice(middle), { token: `${token}2` });
    },
  };
  return { ...world, now: () => world.now(), table: split };
}
