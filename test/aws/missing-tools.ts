import { spawn } from 'node:child_process';

const tools = {
  'Python 3': ['python3', '--version'],
  Java: ['java', '-version'],
  Go: ['go', 'version'],
  OpenSSL: ['openssl', 'version'],
  'namespaces (unshare, ip and mount)': ['unshare', '-rnm', 'sh', '-c', 'ip link set lo up && mount --bind /tmp /mnt'],
} as const;

/** Names of what the emulators need and this machine lacks. */
export async function missingTools(): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(tools).map(async ([name, [file, ...args]]) => ((await succeeds(file, args)) ? [] : [name])),
  );
  return found.flat();
}

async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
