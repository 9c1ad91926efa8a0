import { textOfCall, type RecordedCall } from './recorded-call.ts';

/** Lines of calls by who made them: a function, `job` (a container by its own role) or `job-data` (by what it was given). */
export type Recording = Readonly<Record<string, readonly string[]>>;

export class Recorder {
  readonly #lines = new Map<string, Set<string>>();

  note(asker: string, call: RecordedCall): void {
    const lines = this.#lines.get(asker) ?? new Set();
    this.#lines.set(asker, lines.add(textOfCall(call)));
  }

  /** Sorted. */
  get recording(): Recording {
    const askers = [...this.#lines].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(askers.map(([asker, lines]) => [asker, [...withKeyUse(lines)].toSorted()]));
  }
}

/**
 * Whoever looks a key up notes when it was used, at most once a minute: which of the functions comes to do so in a recording is chance, and
 * each may.
 */
function withKeyUse(lines: ReadonlySet<string>): ReadonlySet<string> {
  const [looks, notes] = ['GetItem', 'PutItem'].map((call) => `dynamodb:${call} table dynamodb:LeadingKeys=KEY#any`);
  return lines.has(looks as string) ? new Set([...lines, notes as string]) : lines;
}

/** What two recordings do not have in common, one line each. */
export function driftOf(recorded: Recording, now: Recording): readonly string[] {
  const askers = [...new Set([...Object.keys(recorded), ...Object.keys(now)])].toSorted();
  return askers.flatMap((asker) => {
    const [before, after] = [recorded[asker] ?? [], now[asker] ?? []];
    return [
      ...before.filter((line) => !after.includes(line)).map((line) => `${asker} does not call any more: ${line}`),
      ...after.filter((line) => !before.includes(line)).map((line) => `${asker} calls now: ${line}`),
    ];
  });
}
