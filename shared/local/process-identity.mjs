/** Plain JavaScript, because the process that watches a run starts without a loader. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export function processIdentity(pid, system = process.platform) {
  if (system === 'win32') return aliveAt(pid);
  return system === 'linux' ? linuxIdentity(pid) : startedAt(pid);
}

export function isOfThisBoot(identity) {
  if (process.platform === 'linux') return identity.startsWith(`${bootId()} `);
  // the clock may have been set since by a few seconds
  return Date.parse(identity) > Date.now() - uptime() * 1000 - 60_000;
}

function linuxIdentity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the name, in parentheses, may hold spaces and parentheses itself
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const startTicks = fields[19];
    if (state === 'Z' || state === 'X') return undefined;
    // ticks count from the start of the machine
    return `${bootId()} ${startTicks}`;
  } catch {
    return undefined;
  }
}

/** Windows tells the start of a process only by a program that takes half a second. */
function aliveAt(pid) {
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return error.code === 'EPERM' ? 'alive' : undefined;
  }
}

function bootId() {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function startedAt(pid) {
  try {
    const time = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return time.trim() || undefined;
  } catch {
    return undefined;
  }
}
