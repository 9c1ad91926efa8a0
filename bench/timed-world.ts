import type { World } from '../shared/platform/ports.ts';

/** What was asked of a world since the last look. */
export interface WorldUse {
  /** Time during which at least one answer was waited for. */
  readonly milliseconds: number;
  /** How often each method was called, such as `table.get`. */
  readonly calls: Readonly<Record<string, number>>;
}

/** A world of any kind that notes what is asked of it and how long it takes to answer. */
export function timeWorld(world: World): { readonly world: World; readonly take: () => WorldUse } {
  let [open, since, milliseconds] = [0, 0, 0];
  let calls: Record<string, number> = {};
  const begin = (): void => {
    if (open++ === 0) since = performance.now();
  };
  const end = (): void => {
    if (--open === 0) milliseconds += performance.now() - since;
  };
  async function* pieces(stream: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
    const iterator = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        begin();
        const next = await iterator.next().finally(end);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  const timed = <T extends object>(port: T, name: string): T =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const call = `${name}.${String(property)}`;
          calls[call] = (calls[call] ?? 0) + 1;
          begin();
          const answer: unknown = Reflect.apply(value, target, args);
          if (answer instanceof Promise) return answer.finally(end);
          end();
          return isStream(answer) ? pieces(answer) : answer;
        };
      },
    });
  const { table, blobs, runner, events } = world;
  return {
    world: {
      table: timed(table, 'table'),
      blobs: timed(blobs, 'blobs'),
      runner: timed(runner, 'runner'),
      events: timed(events, 'events'),
      now: () => world.now(),
      randomBytes: (count) => world.randomBytes(count),
    },
    take() {
      const use = { milliseconds, calls };
      [milliseconds, calls] = [0, {}];
      return use;
    },
  };
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
