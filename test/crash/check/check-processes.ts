import { execFileSync } from 'node:child_process';
import type { Store } from './store.ts';

/** No process works on the folder: neither one of its runs nor one that has its path among its arguments. */
export function checkProcesses({ folder, runs }: Store): string[] {
  const known = new Set(runs.map(({ runId }) => runId));
  const lines = execFileSync('ps', ['-Ao', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const isOurs = words.some((word) => known.has(word) || word.startsWith(`${folder}/`));
    return isOurs ? [`a process is left: ${line.trim().slice(0, 200)}`] : [];
  });
}
