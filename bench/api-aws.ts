/** Every call of the API over emulators of AWS, as `timeApi` times it. The emulators run where nothing outside can reach them. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../shared/errors.ts';
import { inNamespace } from '../test/aws/in-namespace.ts';
import { missingTools } from '../test/aws/missing-tools.ts';
import { places } from '../test/aws/places.ts';
import { prepareEmulators } from '../test/aws/prepare.ts';

/** Throws `UnavailableError` where this machine cannot run the emulators. */
export async function benchApiAws(): Promise<Record<string, unknown>> {
  const missing = await missingTools();
  if (missing.length > 0)
    throw new UnavailableError(`The emulators of AWS need what is not here: there is no ${missing.join(', no ')}.`);
  process.stderr.write(`Downloads, the first time about 450 MB; their output goes to ${places.log}\n`);
  await prepareEmulators();
  const inside = fileURLToPath(new URL('api-emulated.ts', import.meta.url));
  const { file, args } = inNamespace([process.execPath, '--import', 'tsx', inside]);
  const child = spawn(file, args, { cwd: places.root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const figures = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`the bench over emulators ended with code ${code}`);
  return JSON.parse(figures) as Record<string, unknown>; // one line of our own
}
