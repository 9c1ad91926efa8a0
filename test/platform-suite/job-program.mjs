/**
 * What runs do in tests: `node job-program.mjs <job id>`. `exit-3` ends so, `wait` ends with 75 on SIGTERM, `stubborn` ignores it, `die` is
 * killed, `nested` has a child that waits. What follows a dot in the id is for telling jobs apart.
 */
import { spawn } from 'node:child_process';

const [what = ''] = (process.argv[2] ?? '').split('.');
console.log(`started ${process.pid}`);
const stay = () => setInterval(() => {}, 1000);

if (what.startsWith('exit-')) process.exit(Number(what.slice('exit-'.length)));
else if (what === 'wait') {
  process.on('SIGTERM', () => process.exit(75));
  console.log('ready');
  stay();
} else if (what === 'stubborn') {
  process.on('SIGTERM', () => console.log('no'));
  console.log('ready');
  stay();
} else if (what === 'nested') {
  console.log(`nested ${spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid}`);
  stay();
} else if (what === 'die') process.kill(process.pid, 'SIGKILL');
else throw new Error(`no job ${what}`);
