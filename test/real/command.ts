import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { places } from './places.ts';

/**
 * Runs a command to its end; what it prints goes to the log. Returns its standard output.
 * Throws with the last lines of its output when it fails or takes longer than `timeoutSeconds`.
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: { timeoutSeconds?: number; cwd?: string; env?: NodeJS.ProcessEnv; log?: string } = {},
): Promise<string> {
  const log = createWriteStream(options.log ?? places.log, { flags: 'a' });
  log.write(`\n$ ${file} ${args.join(' ')}\n`);
  const child = spawn(file, args, {
    cwd: options.cwd ?? places.root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 1000 * (options.timeoutSeconds ?? 1200),
  });
  let output = '';
  let tail = '';
  const keep = (chunk: Buffer): void => {
    log.write(chunk);
    tail = (tail + chunk.toString()).slice(-3000);
  };
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    keep(chunk);
  });
  child.stderr.on('data', keep);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...end) => resolve(end));
  });
  log.end();
  await finished(log);
  if (code !== 0) throw new Error(`${file} ${args[0] ?? ''} ended with ${signal ?? `code ${code}`}:\n${tail.trim()}`);
  return output;
}
