#!/usr/bin/env node
// Plain JavaScript, because Node 20 reads no TypeScript by itself; from here on tsx does, or the compiler for a server, which runs for
// days. Works from any folder.
import { fileURLToPath } from 'node:url';

// not the settings of whatever project the user stands in
process.env['TSX_TSCONFIG_PATH'] = fileURLToPath(new URL('../tsconfig.json', import.meta.url));
const args = process.argv.slice(2);
const { main } = await (args[0] === 'up' ? compiled() : loaded());
process.exitCode = await main(args);

async function compiled() {
  const { importProgram } = await import('../shared/platform/compile-program.mjs');
  return importProgram(new URL('main.ts', import.meta.url).href);
}

async function loaded() {
  const { register } = await import('tsx/esm/api');
  register();
  return import('./main.ts');
}
