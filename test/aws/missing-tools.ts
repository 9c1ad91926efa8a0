import { spawn } from 'node:child_process';

const tools = {
  'Python 3': ['python3', '--version'],
  Java: ['java', '-version'],
  Go: ['go', 'version'],
  OpenSSL: ['openssl', 'version'],
  'namespaces (unshare, ip and mount)': ['unshare', '-rnm', 'sh', '-c', 'ip link set lo up && mount --bind /tmp /mnt'],
} as const;

export type Tool = keyof typeof tools;

/** Names of what the emulators need and this machine lacks; `needed` by some of them. */
export async function missingTools(needed = Object.keys(tools) as readonly Tool[]): Promise<string[]> {
  const found = await Promise.all(
    needed.map(async (name) => {
      const [file, ...args] = tools[name];
      return (await succeeds(file, args)) ? [] : [name];
    }),
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
