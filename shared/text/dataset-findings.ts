import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import type { RowNote } from './row-format.ts';

/** What a dataset is called in messages, and its rows, counted from 1; absent: `name:line`. */
export interface DatasetName {
  readonly name: string;
  readonly placeOf?: ((line: number) => string) | undefined;
}

/** Collects what is found in a dataset: of each kind the first ones with their lines, of the others only how many. */
export interface DatasetFindings {
  /** Without a line, the note is about the file. */
  add(note: RowNote, line?: number): void;
  count(severity: RowNote['severity']): number;
  /** Errors first, each kind by line, behind each kind how many more there are. */
  list(): Finding[];
  /** What a person calls a row: `train.jsonl:17`. */
  placeOf(line: number): string;
}

export function datasetFindings(
  { name, placeOf = (line) => `${name}:${line}` }: DatasetName,
  listedMax: number = limits.datasetFindingsMax,
): DatasetFindings {
  const kinds = new Map<string, { severity: RowNote['severity']; found: number; listed: Finding[] }>();
  return {
    placeOf,
    add({ severity, code, message }, line) {
      const kind = kinds.get(code) ?? { severity, found: 0, listed: [] };
      kinds.set(code, kind);
      kind.found++;
      if (kind.listed.length < (ofTheTemplate.has(code) ? 1 : listedMax))
        kind.listed.push({ severity, code, message, where: line === undefined ? name : placeOf(line) });
    },
    count: (severity) =>
      [...kinds.values()].reduce((total, kind) => total + (kind.severity === severity ? kind.found : 0), 0),
    list() {
      const ordered = [...kinds].toSorted(([, a], [, b]) => rank(a.severity) - rank(b.severity));
      return ordered.flatMap(([code, { severity, found, listed }]) => {
        const more = found - listed.length;
        const rest: Finding = { severity, code, where: name, message: `${more} more rows: ${meaning(listed)}` };
        return more > 0 ? [...listed, rest] : listed;
      });
    },
  };
}

/** Kinds that are the model's doing and mostly hold for every row alike. */
const ofTheTemplate: ReadonlySet<string> = new Set(['no-end', 'conversation-split']);

const rank = (severity: RowNote['severity']): number => (severity === 'error' ? 0 : 1);

const meaning = (listed: readonly Finding[]): string => listed.at(-1)?.message ?? '';
