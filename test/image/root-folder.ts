import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How a command is run in a root folder of its own. */
export interface EnterOptions {
  /** Absolute, inside. */
  readonly cwd: string;
  /** All of it. */
  readonly env: NodeJS.ProcessEnv;
  /** `uid:gid`; absent: root. */
  readonly user?: string;
  /** Standard output and error go there, too. */
  readonly onOutput?: (text: string) => void;
}

export interface Entered {
  readonly code: number | null;
  readonly output: string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Folders of an image; the system's own stand in for the rest of it. */
const own = ['app', 'work', 'provider', 'tmp', nodeFolder()];

/** Makes a root folder: what the images have of their own is empty, what a base brings is the system's. */
export function makeRoot(root: string): void {
  for (const name of own) mkdirSync(join(root, name), { recursive: true });
  for (const name of readdirSync('/').filter((name) => !own.includes(name))) {
    const [path, place] = [join('/', name), join(root, name)];
    if (lstatSync(place, { throwIfNoEntry: false })) continue;
    if (lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), place);
    else if (lstatSync(path).isDirectory()) mkdirSync(place);
  }
  writeFileSync(join(root, nodeFolder(), 'node'), '');
}

/** Whether a path of an image belongs to its base. */
export const isOfBase = (path: string): boolean => !own.includes(path.split('/')[1] ?? '');

/**
 * Runs a command in a root folder, as root or another user. The mounts are those of a namespace that ends with the command. Needs root.
 * `control` gets the running command; resolves when it has ended.
 */
export async function enter(
  root: string,
  command: readonly string[],
  { cwd, env, user, onOutput }: EnterOptions,
  control: (kill: Entered['kill']) => void = () => undefined,
): Promise<Pick<Entered, 'code' | 'output'>> {
  const folders = readdirSync('/').filter((name) => !own.includes(name) && lstatSync(join('/', name)).isDirectory());
  const script = `
    root=$1 cwd=$2 user=$3 node=$4; shift 4
    for name in ${folders.join(' ')}; do mount --rbind "/$name" "$root/$name" || exit 120; done
    mount --bind "$node" "$root/${nodeFolder()}/node" || exit 120
    chmod 1777 "$root/tmp"
    exec chroot --userspec="$user" "$root" sh -c 'cd "$0" && exec "$@"' "$cwd" "$@"`;
  const args = ['--mount', 'sh', '-c', script, 'sh', root, cwd, user ?? '0:0', process.execPath, ...command];
  const PATH = `/${nodeFolder()}:${env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'}`;
  // chroot stands in folders that an image's own PATH need not name
  const child = spawn('/usr/bin/unshare', args, {
    env: { ...env, PATH: `${PATH}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (bytes: Buffer): void => {
    output += bytes.toString();
    onOutput?.(bytes.toString());
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  control((signal) => void child.kill(signal));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, output };
}

/** Where the Node of this process is in every image. */
function nodeFolder(): string {
  return 'node-of-the-base';
}
