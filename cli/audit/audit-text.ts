import type { AuditRecord } from '../../shared/contract/audit.ts';

const columns = [
  'at',
  'outcome',
  'action',
  'resource',
  'keyId',
  'address',
  'userAgent',
  'operation',
  'requestId',
  'detail',
];

export const csvHead = columns.join(',');

/** A row of the audit as a line of a table that spreadsheets read, by RFC 4180. */
export function csvLine(row: AuditRecord): string {
  const { at, outcome = 'done', action, resource, keyId, from, operation, requestId, detail } = row;
  const cells: (string | undefined)[] = [
    at,
    outcome,
    action,
    resource,
    keyId,
    from?.address,
    from?.userAgent,
    operation,
    requestId,
    detail && JSON.stringify(detail),
  ];
  return cells.map((cell) => csvCell(cell ?? '')).join(',');
}

/** What a spreadsheet would take for a formula begins with an apostrophe: callers choose what stands in some of these. */
function csvCell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
