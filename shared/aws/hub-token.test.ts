import { SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from 'vitest';
import {
  atOnce,
  json,
  jsonError,
  scriptedClient,
  scriptedHttp,
  type ScriptedAnswer,
} from '../../test/support/scripted-http.ts';
import { UnavailableError } from '../errors.ts';
import { createHubToken } from './hub-token.ts';

function tokenOf(...answers: readonly ScriptedAnswer[]) {
  const http = scriptedHttp((_, at) => answers[at] ?? jsonError('Unexpected'));
  let time = 0;
  const read = createHubToken({
    parameter: '/lorary/dev/hf-token',
    client: new SSMClient(scriptedClient(http)),
    pace: atOnce,
    now: () => time,
  });
  return { read, sent: http.sent, pass: (milliseconds: number) => void (time += milliseconds) };
}

const stored = (Value: string): ScriptedAnswer => json({ Parameter: { Name: '/lorary/dev/hf-token', Value } });

test('what is no token is refused and not shown, a right that is missing is our bug, a store that is away is tried again', async () => {
  const wrong = await tokenOf(stored('github_pat_secret'))
    .read()
    .catch((error: unknown) => error);
  expect(wrong).toMatchObject({ code: 'bad-hub-token', message: expect.not.stringContaining('secret') });
  await expect(tokenOf(jsonError('AccessDeniedException')).read()).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  const away = [1, 2, 3].map(() => jsonError('InternalServerError', {}, 500));
  await expect(tokenOf(...away).read()).rejects.toThrow(UnavailableError);
  expect(await tokenOf(jsonError('InternalServerError', {}, 500), stored('hf_a')).read()).toBe('hf_a');
});

test('nobody has to have stored one', async () => {
  expect(await tokenOf(jsonError('ParameterNotFound')).read()).toBeUndefined();
});

test('it is decrypted, kept for some minutes, and a new one counts after them', async () => {
  const { read, sent, pass } = tokenOf(stored('hf_first\n'), stored('hf_second'));
  expect([await read(), await read()]).toEqual(['hf_first', 'hf_first']);
  pass(299_999);
  expect(await read()).toBe('hf_first');
  pass(1);
  expect(await read()).toBe('hf_second');
  expect(sent.map(({ body }) => JSON.parse(body) as unknown)).toEqual(
    [1, 2].map(() => ({ Name: '/lorary/dev/hf-token', WithDecryption: true })),
  );
});
