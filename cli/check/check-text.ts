import { findingText } from '../error-text.ts';
import { printable } from '../printable.ts';
import type { CheckedAdapter } from './check-adapters.ts';

/** The result of a check for a person, at most 100 columns wide. */
export function checkText(adapters: readonly CheckedAdapter[]): string {
  const rows = adapters.map(rowOf);
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const good = adapters.filter(({ ok }) => ok).length;
  const same = adapters.filter(({ duplicate }) => duplicate !== null).length;
  return [
    line(headings),
    ...adapters.flatMap((adapter, i) => [line(rows[i] ?? []), ...details(adapter)]),
    '',
    `${good} of ${adapters.length} good${same > 0 ? `, ${same} of them the same as another` : ''}.`,
  ].join('\n');
}

const headings = ['', 'ADAPTER', 'MODULES', 'RANK', 'TYPE', 'PARAMETERS', '|DELTA|'];
const columns = 100;
const nameColumns = 36;

function rowOf({ adapter, ok, validation }: CheckedAdapter): string[] {
  const { effectiveModules: effective, selectedModules: selected, modules, ranks, dtypes, parameters } = validation;
  const norms = modules.map(({ deltaNorm }) => deltaNorm);
  const norm = norms.length === 0 || norms.includes(null) ? '-' : Math.hypot(...(norms as number[])).toPrecision(3);
  return [
    ok ? 'ok' : 'BAD',
    shortened(printable(adapter), nameColumns),
    effective === null ? `${modules.length}` : `${effective} of ${selected ?? modules.length}`,
    ranks.length > 1 ? `${ranks[0]}-${ranks.at(-1)}` : `${ranks[0] ?? '-'}`,
    shortened(dtypes.join(' ') || '-', 12),
    countText(parameters),
    norm,
  ];
}

function details({ validation, duplicate }: CheckedAdapter): string[] {
  const lines = validation.findings.map((finding) => `${finding.severity} ${finding.code}: ${findingText(finding)}`);
  if (duplicate)
    lines.push(
      `same as ${duplicate.of}: ${duplicate.same === 'file' ? 'the same file' : 'the same delta, stored otherwise'}`,
    );
  const { merge } = validation.usable;
  if (validation.ok && !merge.possible)
    lines.push(`stored only, of no use to compose or merge here: ${merge.why.join('; ')}`);
  return lines.flatMap((line) => wrapped(printable(line).replaceAll(/\s+/g, ' ')));
}

/** Lines of at most 100 columns, the first one set in by 5, the others by 7; a longer word is cut. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '    ';
  for (const word of text.split(' ')) {
    for (let rest = word; rest !== '';) {
      const fits = columns - line.length - 1;
      if (rest.length <= fits || line.trim() === '') {
        line += ` ${rest.slice(0, fits)}`;
        rest = rest.slice(fits);
        if (rest === '') break;
      }
      lines.push(line);
      line = '      ';
    }
  }
  return [...lines, line];
}

/** The end of a path says more than its beginning. */
const shortened = (text: string, length: number): string =>
  text.length <= length ? text : `...${text.slice(3 - length)}`;

function countText(count: number): string {
  if (count < 1e4) return String(count);
  const [unit, name] = count < 1e6 ? [1e3, 'k'] : count < 1e9 ? [1e6, 'M'] : [1e9, 'G'];
  return `${(count / unit).toPrecision(3)} ${name}`;
}
