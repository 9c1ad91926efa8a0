import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { createClients } from './clients.ts';

test('no client tries again by itself, and no signed URL carries the checksum of nothing', async () => {
  const { dynamo, s3, batch, eventBridge } = createClients({ pathStyle: true });
  for (const client of [dynamo, s3, batch, eventBridge]) {
    expect(await client.config.maxAttempts()).toBe(1);
    client.destroy();
  }
  expect(await s3.config.requestChecksumCalculation()).toBe('WHEN_REQUIRED');
  expect(s3.config.forcePathStyle).toBe(true);
});

interface NodeHandler {
  handle(request: object, options: { readonly abortSignal: AbortSignal }): Promise<unknown>;
  httpHandlerConfigs(): object;
}

test('a client whose call nobody answers waits for some seconds, and not for ever', async () => {
  const { dynamo, s3, batch, eventBridge } = createClients({ pathStyle: true });
  for (const [client, silent] of [
    [dynamo, limits.awsSilentMilliseconds],
    [batch, limits.awsSilentMilliseconds],
    [eventBridge, limits.awsSilentMilliseconds],
    [s3, limits.awsTransferSilentMilliseconds],
  ] as const) {
    const handler = client.config.requestHandler as unknown as NodeHandler; // the SDK's own, which the types hide
    // it reads its settings when the first request comes
    await handler.handle({}, { abortSignal: AbortSignal.abort() }).catch(() => undefined);
    expect(handler.httpHandlerConfigs()).toMatchObject({
      connectionTimeout: limits.awsConnectMilliseconds,
      socketTimeout: silent,
    });
    client.destroy();
  }
});
