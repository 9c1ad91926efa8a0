#!/usr/bin/env node
// Plain JavaScript, because Node 20 reads no TypeScript by itself; from here on tsx does. Works from any folder.
import { fileURLToPath } from 'node:url';

// not the settings of whatever project the user stands in
process.env['TSX_TSCONFIG_PATH'] = fileURLToPath(new URL('../tsconfig.json', import.meta.url));
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
