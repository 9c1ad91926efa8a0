import type { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { DomainError, UnavailableError } from '../errors.ts';
import { jobCredentials } from './job-credentials.ts';

const run = { team: 'blue', jobId: 'job_1', runId: 'run_1' };
const pace = { triesMax: 2, wait: () => Promise.resolve(), random: () => 0 };

/** A client whose function answers this. */
function provider(payload: unknown, more: object = {}) {
  const sent: unknown[] = [];
  const send = ({ input }: InvokeCommand) => {
    sent.push([input.FunctionName, JSON.parse(Buffer.from(input.Payload as Uint8Array).toString())]);
    return Promise.resolve({ Payload: Buffer.from(JSON.stringify(payload)), ...more });
  };
  const client = { send } as unknown as LambdaClient; // only this is called
  const { credentials: give, hubToken } = jobCredentials({ functionName: 'gives', run, client, pace });
  return { sent, give, hubToken };
}

test('a refusal, an error of the function and an answer that is none are told apart', async () => {
  await expect(provider({ ok: false, code: 'no-such-run', message: 'No.' }).give()).rejects.toThrow(DomainError);
  await expect(provider({}, { FunctionError: 'Unhandled' }).give()).rejects.toThrow(UnavailableError);
  await expect(provider({ ok: true }).give()).rejects.toThrow();
});

test('asks in the name of the run and says when the keys end', async () => {
  const keys = { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't' };
  const { give, sent } = provider({ ok: true, credentials: { ...keys, expiresAt: 5000 } });
  expect(await give()).toEqual({ ...keys, expiration: new Date(5000) });
  expect(sent).toEqual([['gives', run]]);
});

test('an import is told the token that it fetches with, another job none', async () => {
  const keys = { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't', expiresAt: 5000 };
  const { hubToken, give } = provider({ ok: true, credentials: keys, hubToken: 'hf_a' });
  expect(await hubToken()).toBe('hf_a');
  expect(await give()).not.toHaveProperty('hubToken');
  expect(await provider({ ok: true, credentials: keys }).hubToken()).toBeUndefined();
});
