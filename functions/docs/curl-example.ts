import type { Operation } from '../../shared/contract/operation.ts';
import { exampleText, exampleValue } from './example-value.ts';
import type { FieldRow } from './field-rows.ts';
import type { JsonSchema, NamedSchemas } from './json-schema.ts';

/** A call as a command that runs as it stands, with what must be given. */
export function curlExample(
  { method, path, creates, operationId }: Operation,
  query: readonly FieldRow[],
  body: JsonSchema | undefined,
  named: NamedSchemas,
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => exampleText(name));
  const needed = query.filter(({ required }) => required);
  const search = needed.map(({ name, type }) => `${name}=${queryText(name, type[0])}`).join('&');
  const verb = method.toUpperCase();
  const lines = [
    `curl ${verb === 'GET' ? '' : `-X ${verb} `}"$LORARY_URL${filled}${search === '' ? '' : `?${search}`}"`,
    `-H "Authorization: Bearer $LORARY_KEY"`,
  ];
  if (creates) lines.push(`-H "Idempotency-Key: ${operationId}-1"`);
  if (body) {
    const text = JSON.stringify(exampleValue(body, named), undefined, 2).replaceAll("'", String.raw`'\''`);
    lines.push(`-H "Content-Type: application/json"`, `-d '${text}'`);
  }
  return lines.join(' \\\n  ');
}

const queryText = (name: string, type: unknown): string => exampleText(name, type === 'day' ? { format: 'date' } : {});
