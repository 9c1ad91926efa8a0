import { adapterConfigName } from '../domain/adapter-files.ts';
import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { readAdapterConfig, type AdapterConfig } from '../methods/adapter-config.ts';
import type { OnceSource } from './read-once.ts';

/** Reads `adapter_config.json`; what keeps it from being read at all goes into `findings`. */
export async function readConfigFile(source: OnceSource, findings: Finding[]): Promise<AdapterConfig | undefined> {
  const error = (code: string, message: string): undefined =>
    void findings.push({ severity: 'error', code, message, where: adapterConfigName });
  if (source.sizeBytes > limits.adapterConfigBytesMax)
    return error(
      'config-too-large',
      `it has ${source.sizeBytes} bytes; at most ${limits.adapterConfigBytesMax} are read`,
    );
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.sizeBytes));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    return error('config-not-json', 'it is not valid UTF-8 text');
  }
  try {
    return readAdapterConfig(JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return error('config-not-json', `it is not valid JSON: ${cause.message}`);
  }
}
