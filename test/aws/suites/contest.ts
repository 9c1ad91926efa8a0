import { describe, test } from 'vitest';
import { startChild } from '../../platform-suite/child.ts';
import { holdContest } from '../../platform-suite/contest.ts';
import { openAwsSuiteWorld } from '../open-aws.ts';
import { readEndpoints, theTable } from '../targets.ts';

const { emulator, dynamo } = theTable(readEndpoints());
const writer = new URL('../aws-writer.ts', import.meta.url);

describe(emulator, () => {
  test('processes: every increment of four writers counts, each seat has one winner, transactions are whole', async () => {
    const world = await openAwsSuiteWorld({ endpoints: { dynamo } });
    await holdContest(world.aws.table, (name) => startChild(writer, [dynamo, world.tableName, name]));
    await world.close();
  });
});
