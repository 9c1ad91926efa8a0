import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { expect, test } from 'vitest';
import { atOnce, json, scriptedClient, scriptedHttp } from '../../test/support/scripted-http.ts';
import { createEventBridgeBus } from './event-bridge-bus.ts';

const event = { type: 'upload-completed', team: 'blue', uploadId: 'upl_1' } as const;

function open(answer: Parameters<typeof scriptedHttp>[0]) {
  const http = scriptedHttp(answer);
  return {
    http,
    bus: createEventBridgeBus({ client: new EventBridgeClient(scriptedClient(http)), bus: 'b', pace: atOnce }),
  };
}

test('an entry that was not taken is unavailable', async () => {
  const { bus } = open(() => json({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] }));
  await expect(bus.publish(event)).rejects.toMatchObject({ name: 'UnavailableError' });
});

test('an event is one entry whose type the rules can match', async () => {
  const { http, bus } = open(() => json({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }));
  await bus.publish(event);
  const { Entries } = JSON.parse(http.sent[0]?.body ?? '') as { Entries: { Detail: string }[] };
  expect(Entries).toEqual([
    { EventBusName: 'b', Source: 'lorary', DetailType: 'upload-completed', Detail: JSON.stringify(event) },
  ]);
});
