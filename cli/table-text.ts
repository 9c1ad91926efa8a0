/** Columns under their heads, as wide as their widest cell; numbers stand at the right. What would steer the terminal is taken out. */
export function tableText(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [
    heads,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? String(cell) : plain(cell)))),
  ];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const right = heads.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  return cells
    .map((row) => row.map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))))
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}

/** Text of others on one line, without control characters. */
export const plain = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/** `2026-03-05 14:02` in the user's own time. */
export function timeText(iso: string): string {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
