import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Why images cannot be built on this machine; `undefined` when they can. */
export async function whyNotHere(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the CUDA provider is for Linux on x64';
  if (process.getuid?.() !== 0) return 'only root may enter a root folder of its own';
  const needed = ['unshare --mount true', 'chroot / true', 'python3 -m pip --version', 'npm ping'];
  for (const command of needed) if (!(await succeeds(command))) return `"${command}" does not work`;
  return undefined;
}

async function succeeds(command: string): Promise<boolean> {
  return promisify(execFile)('sh', ['-c', command], { timeout: 60_000 }).then(
    () => true,
    () => false,
  );
}
