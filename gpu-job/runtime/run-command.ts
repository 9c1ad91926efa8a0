import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';

/** What a command printed, or why it printed nothing: `missing` when there is no such command. */
export type CommandResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly missing: boolean; readonly reason: string };

/** Runs a command that should be over in no time. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutSeconds?: number } = {},
): Promise<CommandResult> {
  const timeout = 1000 * (options.timeoutSeconds ?? 30);
  try {
    const { stdout } = await promisify(execFile)(file, [...args], { ...options, timeout });
    return { ok: true, output: stdout };
  } catch (error) {
    const { code, signal, stderr } = error as { code?: unknown; signal?: string | null; stderr?: string }; // of execFile
    if (code === 'ENOENT') return { ok: false, missing: true, reason: `there is no ${file}` };
    const reason = reasonIn(stderr ?? '') ?? (signal ? `it was ended by ${signal}` : `it ended with ${String(code)}`);
    return { ok: false, missing: false, reason: reason.slice(0, reasonCharsMax) };
  }
}

/** The first line that sounds like one, without colours and without where in the source it was said. */
function reasonIn(stderr: string): string | undefined {
  const lines = stripVTControlCharacters(stderr).split('\n');
  const line = lines.find((text) => /error|fail|cannot|could/i.test(text)) ?? lines.find((text) => text.trim() !== '');
  return line?.replace(/^.* : FAIL : /, '').trim();
}

/** A line of a loader names several long paths. */
const reasonCharsMax = 600;
