/** Starts `victim.ts` compiled: hundreds of them are started. */
import { importProgram } from '../../../shared/platform/compile-program.mjs';

await importProgram(new URL('victim.ts', import.meta.url).href);
