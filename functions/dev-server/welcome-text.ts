import { relative } from 'node:path';
import type { RunningServer } from './start-server.ts';

/** What a server says when it is ready; how to go on. */
export function welcomeText({ url, folder, key }: RunningServer): string {
  const short = relative(process.cwd(), folder);
  const data = short.startsWith('..') ? folder : short;
  const first = key
    ? [
        '',
        'Your key, shown this once:',
        '',
        `  ${key}`,
        '',
        `It is in ${data}/credentials.json, too, so "lorary" works in this folder without a login.`,
      ]
    : [];
  return [
    `lorary answers at ${url} (data in ${data}).`,
    ...first,
    '',
    'Go on with:',
    '  npx lorary base ls                             the models that adapters can be trained on',
    '  npx lorary train --base tiny --data FILE       train one on your own rows',
    '  npx lorary push FOLDER --base tiny             keep an adapter that you have',
    '  npx lorary ls                                  what is kept here',
    '',
    'Ctrl-C stops the server; jobs go on, and the next start finds them.',
  ].join('\n');
}
