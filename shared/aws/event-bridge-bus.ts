import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { UnavailableError } from '../errors.ts';
import type { EventBus, PlatformEvent } from '../platform/ports.ts';
import { attempt, type Pace } from './attempts.ts';

/** What the rules of the bus match, beside the type of the event as `detail-type`. */
const eventSource = 'lorary';

export interface EventBridgeBusOptions {
  /** Without retries of its own. */
  readonly client: EventBridgeClient;
  /** Name or ARN. */
  readonly bus: string;
  readonly pace: Pace;
}

/** Events as entries of one bus; an event that is sent twice is a hint twice. */
export function createEventBridgeBus({ client, bus, pace }: EventBridgeBusOptions): EventBus {
  return {
    async publish(event: PlatformEvent) {
      const entry = { EventBusName: bus, Source: eventSource, DetailType: event.type, Detail: JSON.stringify(event) };
      const send = () => client.send(new PutEventsCommand({ Entries: [entry] }));
      const { FailedEntryCount = 0, Entries = [] } = await attempt(send, { repeatable: true, pace });
      if (FailedEntryCount > 0)
        throw new UnavailableError('The event was not taken: try again.', { cause: Entries[0]?.ErrorMessage });
    },
  };
}
