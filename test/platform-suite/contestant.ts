import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError, type RecordTable } from '../../shared/platform/ports.ts';
import type { ContestResult } from './contest.ts';

/** A writer's part of a contest, in a process that has a channel to whoever holds it. */
export async function takePart(table: RecordTable, name: string): Promise<void> {
  process.send?.('ready');
  await new Promise((resolve) => process.once('message', resolve));
  process.send?.(await contest(table, name));
}

async function contest(table: RecordTable, name: string): Promise<ContestResult> {
  const won: string[] = [];
  let moved = 0;
  for (let round = 0; round < 60; round += 1) {
    await again(() => table.increment({ partition: 'contest', sort: 'total' }, 'n', 1));
    const seat = `seat ${String(round % 30).padStart(2, '0')}`;
    const taken = again(() =>
      table.put({ key: { partition: 'contest', sort: seat }, value: { by: name } }, { ifAbsent: true }),
    );
    if (await succeeded(taken)) won.push(seat);
    if (await succeeded(move(table, `${name}-${round}`))) moved += 1;
  }
  return { won, moved };
}

/** From one account to the other, if nobody comes between. */
async function move(table: RecordTable, token: string): Promise<void> {
  const [from, to] = await Promise.all(['a', 'b'].map((sort) => table.get({ partition: 'accounts', sort })));
  if (!from || !to) throw new Error('the accounts are missing');
  await again(() =>
    table.transact(
      [
        { put: { ...from, value: { n: Number(from.value['n']) - 1 } }, condition: { ifRevision: from.revision } },
        { put: { ...to, value: { n: Number(to.value['n']) + 1 } }, condition: { ifRevision: to.revision } },
      ],
      { token },
    ),
  );
}

/** On one machine no answer is lost: what was not available has done nothing, so trying again is safe. */
async function again<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}

async function succeeded(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof ConditionError) return false;
    throw error;
  }
}
