import type { FieldRow, TypePart } from './field-rows.ts';
import type { OperationReference, Reference, ValueReference } from './reference.ts';
import { introduction } from './introduction.ts';

/** The reference as Markdown. */
export function referenceText({ groups, schemas }: Reference): string {
  return [
    '# The API',
    'Made from `shared/contract` by `npm run openapi`; the same as a page at `/docs` of a server, and as OpenAPI at `/openapi.json`.',
    ...introduction.flatMap(({ title, text }) => [`## ${title}`, text]),
    ...groups.flatMap(({ name, description, operations }) => [
      `## ${capital(name)}`,
      description,
      ...operations.flatMap(operationText),
    ]),
    '## Schemas',
    ...schemas.flatMap(({ name, rows }) => [`### ${name}`, table(rows)]),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function operationText(operation: OperationReference): string[] {
  const { operationId, method, path, scope, summary, description, creates, params, query } = operation;
  const { body, status, output, errors, curl } = operation;
  return [
    `### ${operationId}`,
    `\`${method} ${path}\` · ${scopeText(scope)}${creates ? ' · takes an `Idempotency-Key`' : ''}`,
    summary,
    description,
    ...(params.length > 0 ? ['Path:', table(params)] : []),
    ...(query.length > 0 ? ['Query:', table(query)] : []),
    ...(body ? ['Body:', valueText(body)] : []),
    output ? `Answer (${status}):` : `Answer: ${status}, without a body.`,
    ...(output ? [valueText(output)] : []),
    errors.length > 0 ? `Errors of its own: ${errors.map((code) => `\`${code}\``).join(', ')}.` : '',
    `\`\`\`bash\n${curl}\n\`\`\``,
  ];
}

export function scopeText(scope: string): string {
  return scope === 'any' ? 'any valid key' : scope === 'public' ? 'no key' : `scope \`${scope}\``;
}

function valueText({ type, rows }: ValueReference): string {
  return rows.length > 0 ? table(rows) : typeText(type);
}

function table(rows: readonly FieldRow[]): string {
  if (rows.length === 0) return 'No fields.';
  const lines = rows.map(
    (row) => `| \`${row.name}\`${row.required ? '' : '?'} | ${typeText(row.type)} | ${notes(row)} |`,
  );
  return ['| field | type | |', '| --- | --- | --- |', ...lines].join('\n');
}

function typeText(type: readonly TypePart[]): string {
  const text = type.map((part) =>
    typeof part === 'string' ? part : `[${part.schema}](#${part.schema.toLowerCase()})`,
  );
  return text.join('').replaceAll('|', String.raw`\|`);
}

function notes({ when, description, bounds, default: standard }: FieldRow): string {
  return [
    when ? `With \`${when.field}\` \`${when.value}\`.` : '',
    description,
    bounds === '' ? '' : `${capital(bounds).replaceAll(/\^\S+\$/g, (pattern) => `\`${pattern}\``)}.`,
    standard === undefined ? '' : `Default \`${standard}\`.`,
  ]
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll('|', String.raw`\|`);
}

export function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
