/**
 * A process that writes to a data folder: `writer.ts <folder> <name> contest|ledger|dropping <ledger file>`. `contest` does a fixed amount
 * of work against others and says what it won. `ledger` writes until it is killed and notes each write once it is acknowledged; `dropping`
 * does so too, but leaves out one write in ten.
 */
import { appendFileSync } from 'node:fs';
import { openLocalWorld } from '../../shared/local/local-world.ts';
import { takePart } from './contestant.ts';

const [folder = '', name = '', mode = '', ledger = ''] = process.argv.slice(2);
const world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });

process.on('disconnect', () => process.exit());
if (mode === 'contest') {
  await takePart(world.table, name);
  await world.close();
  process.disconnect();
} else {
  process.send?.('ready');
  await writeUntilKilled(mode === 'dropping');
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
