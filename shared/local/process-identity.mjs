/** Plain JavaScript, because the process that watches a run starts without a loader. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export function processIdentity(pid) {
  return process.platform === 'linux' ? linuxIdentity(pid) : startedAt(pid);
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
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${startTicks}`;
  } catch {
    return undefined;
  }
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
