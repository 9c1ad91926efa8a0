import { spawn } from 'node:child_process';

interface ToolCheck {
  readonly command: readonly [file: string, ...args: string[]];
  /** What it has to print of its version. */
  readonly version?: { readonly pattern: RegExp; readonly atLeast: number };
}

const tools = {
  'Python 3': { command: ['python3', '--version'] },
  // DynamoDB Local is compiled for it
  'Java 17 or newer': { command: ['java', '-version'], version: { pattern: /version "(\d+)/, atLeast: 17 } },
  Go: { command: ['go', 'version'] },
  OpenSSL: { command: ['openssl', 'version'] },
  'namespaces (unshare, ip and mount)': {
    command: ['unshare', '-rnm', 'sh', '-c', 'ip link set lo up && mount --bind /tmp /mnt'],
  },
} as const satisfies Readonly<Record<string, ToolCheck>>;

export type Tool = keyof typeof tools;

/** Names of what the emulators need and this machine lacks, or has only in an older version; `needed` by some of them. */
export async function missingTools(
  needed = Object.keys(tools) as readonly Tool[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  const found = await Promise.all(needed.map(async (name) => ((await has(tools[name], environment)) ? [] : [name])));
  return found.flat();
}

/** One sentence for the log. */
export function whyMissing(missing: readonly string[]): string {
  return `there is no ${missing.join(', no ')} on this machine, which the emulators need`;
}

/** Whether what is missing is a failure: CI is there to run these tests. */
export function isCi(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment['CI'] === 'true';
}

async function has({ command, version }: ToolCheck, env: NodeJS.ProcessEnv): Promise<boolean> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      const found = version ? Number(version.pattern.exec(said)?.[1]) >= version.atLeast : true;
      resolve(code === 0 && found);
    });
  });
}
