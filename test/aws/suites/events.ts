import { describe, expect, test } from 'vitest';
import { failureOf } from '../../platform-suite/suite.ts';
import { openAwsSuiteWorld } from '../open-aws.ts';
import { readEndpoints } from '../targets.ts';

const event = { type: 'upload-completed', team: 'blue', uploadId: 'upl_1' } as const;

describe.each(Object.entries(readEndpoints().events))('%s', (_, events) => {
  test('events: an event for a bus that is not there is refused, and one for a bus that is there is taken', async () => {
    const world = await openAwsSuiteWorld({ endpoints: { events } });
    await world.aws.events.publish(event);
    await world.close();
    const lost = await openAwsSuiteWorld({ endpoints: { events }, eventBus: 'not-there' });
    expect(await failureOf(lost.aws.events.publish(event))).toBeInstanceOf(Error);
    await lost.close();
  });
});
