/** `npm start`: plain JavaScript, because Node 20 reads no TypeScript by itself. */
import { importProgram } from '../shared/platform/compile-program.mjs';

await importProgram(new URL('dev-server.ts', import.meta.url).href);
