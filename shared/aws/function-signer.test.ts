import type { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { DomainError, UnavailableError } from '../errors.ts';
import { functionSigner } from './function-signer.ts';

const run = { team: 'blue', jobId: 'job_1', runId: 'run_1' };
const pace = { triesMax: 2, wait: () => Promise.resolve(), random: () => 0 };

/** A signer whose function answers this. */
function signerOf(payload: unknown, more: object = {}) {
  const sent: unknown[] = [];
  const send = ({ input }: InvokeCommand) => {
    sent.push([input.FunctionName, JSON.parse(Buffer.from(input.Payload as Uint8Array).toString())]);
    return Promise.resolve({ Payload: Buffer.from(JSON.stringify(payload)), ...more });
  };
  const client = { send } as unknown as LambdaClient; // only this is called
  return { sent, signer: functionSigner({ functionName: 'signs', run, client, pace }) };
}

const sign = (payload: unknown, more?: object) => signerOf(payload, more).signer.sign(Buffer.from('x'), { a: 1 });

test('a refusal, an outage, an error of the function and an answer that is none are told apart', async () => {
  await expect(sign({ ok: false, code: 'not-its-own', message: 'No.' })).rejects.toThrow(DomainError);
  const away = sign({ ok: false, code: 'unavailable', message: 'The key does not sign.' });
  await expect(away).rejects.toThrow(UnavailableError);
  await expect(away).rejects.toThrow('The key does not sign.');
  await expect(sign({}, { FunctionError: 'Unhandled' })).rejects.toThrow(UnavailableError);
  await expect(sign({ ok: true })).rejects.toThrow();
});

test('sends what the statement is made from, in the name of the run', async () => {
  const key = { keyId: 'a', algorithm: 'Ed25519', publicKey: 'b' };
  const { signer, sent } = signerOf({ ok: true, key, value: Buffer.from('by it').toString('base64') });
  const { value, ...rest } = await signer.sign(Buffer.from('x'), { kind: 'adapter' });
  expect([rest, Buffer.from(value).toString()]).toEqual([{ key }, 'by it']);
  expect(sent).toEqual([['signs', { ...run, manifest: { kind: 'adapter' } }]]);
});
