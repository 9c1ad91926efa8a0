import { expect, test } from 'vitest';
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
