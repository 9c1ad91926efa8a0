import { emulatorKey, emulatorSecret } from '../targets.ts';
import type { WireAnswer } from './gateway.ts';

/** What STS answers whoever takes on a role: keys that the emulators know, and a token by which they are told apart. */
export function roleCredentials(): WireAnswer {
  const values = {
    AccessKeyId: emulatorKey,
    SecretAccessKey: emulatorSecret,
    SessionToken: 'of-the-role',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const fields = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`);
  const body = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${fields.join('')}</Credentials></AssumeRoleResult></AssumeRoleResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(body) };
}
