import { getSigningKey } from '../../shared/contract/audit.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { publicKeyOf } from '../../shared/signing/signatures.ts';
import { runCommand } from '../command.ts';
import { connect } from '../server/connect.ts';
import { readPublicKey } from '../signing/read-public-key.ts';
import { trustKey, trustedKeysPath } from '../signing/trusted-keys.ts';

/** `lorary keys trust`: whose signatures count here. */
export const keysTrust = runCommand({
  name: 'keys trust',
  summary: 'Trust the key that the server signs with, or one from a file, for lorary verify.',
  usage: '[FILE]',
  words: { what: 'FILE', min: 0, max: 1 },
  notes: [
    'Without FILE the server is asked, so do it where you are sure of the server, and compare the id with what others see. It is kept in',
    'trusted-keys.json beside the credentials. GET /v1/signing-key answers what FILE may hold; PEM is read, too.',
  ],
  examples: ['lorary keys trust', 'lorary keys trust platform-key.json'],
  flags: {},
  async run({ words: [file], json }, io) {
    const api = file === undefined ? await connect(io) : undefined;
    const key = api ? await api.call(getSigningKey, {}) : await readPublicKey(file ?? '');
    publicKeyOf(key);
    await trustKey(io.environment, { ...key, of: api?.url ?? file ?? '', trustedAt: new Date().toISOString() });
    io.print(
      json
        ? JSON.stringify(key)
        : `The key ${key.keyId} (${key.algorithm}) is trusted; it stands in ${trustedKeysPath(io.environment)}.`,
    );
    return exitCodes.done;
  },
});
