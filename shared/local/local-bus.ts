import type { EventBus, PlatformEvent } from '../platform/ports.ts';

export type EventHandler = (event: PlatformEvent) => Promise<void>;

export interface LocalBus extends EventBus {
  subscribe(handler: EventHandler): void;
}

/** Events within this process. Whoever publishes waits for no handler and hears of no failure: those go to `log`. */
export function createLocalBus(log: (message: string, error: unknown) => void): LocalBus {
  const handlers: EventHandler[] = [];
  const deliver = async (event: PlatformEvent, handler: EventHandler): Promise<void> => {
    try {
      await handler(event);
    } catch (error) {
      log(`a handler of ${event.type} failed`, error);
    }
  };
  return {
    subscribe: (handler) => void handlers.push(handler),
    async publish(event) {
      setImmediate(() => {
        for (const handler of handlers) void deliver(event, handler);
      });
    },
  };
}
