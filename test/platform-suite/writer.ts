/**
 * A process that writes to a data folder: `writer.ts <folder> <name> contest|ledger|dropping <ledger file>`. `contest` does a fixed amount
 * of work against others and says what it won. `ledger` writes until it is killed and notes each write once it is acknowledged; `dropping`
 * does so too, but leaves out one write in ten.
 */
import { appendFileSync } from 'node:fs';
import { openLocalWorld } from '../../shared/local/local-world.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError, type RecordTable } from '../../shared/platform/ports.ts';

const [folder = '', name = '', mode = '', ledger = ''] = process.argv.slice(2);
const world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });

process.on('disconnect', () => process.exit());
if (mode === 'contest') {
  process.send?.('ready');
  await new Promise((resolve) => process.once('message', resolve));
  process.send?.(await contest(world.table));
  await world.close();
  process.disconnect();
} else {
  process.send?.('ready');
  await writeUntilKilled(mode === 'dropping');
}

async function contest(table: RecordTable): Promise<{ readonly won: readonly string[]; readonly moved: number }> {
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

async function writeUntilKilled(dropping: boolean): Promise<void> {
  const { table, blobs } = world;
  for (let at = 0; ; at += 1) {
    const id = `${name}-${at}`;
    const left = dropping && at % 10 === 3;
    if (!left) await table.put({ key: { partition: 'single', sort: id }, value: { at } }, { ifAbsent: true });
    note({ kind: 'single', id });
    await table.transact(
      ['left', 'right'].map((side) => ({ put: { key: { partition: 'pair', sort: `${id} ${side}` }, value: { at } } })),
      { token: id },
    );
    note({ kind: 'pair', id });
    await table.increment({ partition: 'count', sort: name }, 'n', 1);
    note({ kind: 'count', id: name });
    const { versionId } = await blobs.put(`blob/${id}`, new TextEncoder().encode(id.repeat(1000)));
    note({ kind: 'blob', id, versionId });
  }
}

/** What is handed to the system before the kill is in the file after it. */
function note(entry: Readonly<Record<string, string>>): void {
  appendFileSync(ledger, `${JSON.stringify(entry)}\n`);
}

/** Locally a busy database has done nothing, so trying again is safe. */
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
