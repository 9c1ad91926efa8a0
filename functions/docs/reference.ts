import { z } from 'zod';
import type { OpenApiDocument } from '../../shared/contract/openapi.ts';
import type { Operation } from '../../shared/contract/operation.ts';
import { curlExample } from './curl-example.ts';
import { fieldRow, fieldRows, typeParts, type FieldRow, type TypePart } from './field-rows.ts';
import { namedSchemas, refName, variantsOf, type JsonSchema, type NamedSchemas } from './json-schema.ts';

/** A value that goes in or comes out. */
export interface ValueReference {
  readonly type: readonly TypePart[];
  readonly rows: readonly FieldRow[];
}

export interface OperationReference {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly scope: string;
  readonly summary: string;
  readonly description: string;
  readonly creates: boolean;
  readonly params: readonly FieldRow[];
  readonly query: readonly FieldRow[];
  readonly body?: ValueReference;
  readonly status: number;
  readonly output?: ValueReference;
  readonly errors: readonly string[];
  readonly curl: string;
}

/** The API for people: what the page and the text are made from. */
export interface Reference {
  readonly groups: readonly {
    readonly name: string;
    readonly description: string;
    readonly operations: readonly OperationReference[];
  }[];
  readonly schemas: readonly { readonly name: string; readonly rows: readonly FieldRow[] }[];
}

export function makeReference(document: OpenApiDocument, operations: readonly Operation[]): Reference {
  const named = namedSchemas(document);
  return {
    groups: (document.tags ?? []).map(({ name, description = '' }) => ({
      name,
      description,
      operations: operations.filter(({ tag }) => tag === name).map((each) => describe(document, named, each)),
    })),
    schemas: Object.keys(named)
      .toSorted()
      .map((name) => ({ name, rows: fieldRows(named[name] ?? {}, named) })),
  };
}

function describe(document: OpenApiDocument, named: NamedSchemas, operation: Operation): OperationReference {
  const { operationId, method, path, scope, summary, description = '', creates, status, errors } = operation;
  const item = itemSchema.parse(document.paths?.[path]?.[method]);
  const rowsOf = (place: string): FieldRow[] =>
    item.parameters.filter((each) => each.in === place).map((each) => fieldRow(each.name, each.schema, each.required));
  const body = item.requestBody?.content['application/json'].schema;
  const output = item.responses[status]?.content?.['application/json'].schema;
  return {
    operationId,
    method: method.toUpperCase(),
    path,
    scope,
    summary,
    description,
    creates,
    status,
    errors,
    params: rowsOf('path'),
    query: rowsOf('query'),
    ...(body ? { body: valueOf(body, named) } : {}),
    ...(output ? { output: valueOf(output, named) } : {}),
    curl: curlExample(operation, rowsOf('query'), body, named),
  };
}

function valueOf(schema: JsonSchema, named: NamedSchemas): ValueReference {
  const isNamed = variantsOf(schema).every((variant) => refName(variant) !== undefined);
  return { type: typeParts(schema), rows: isNamed ? [] : fieldRows(schema, named) };
}

const jsonSchema = z.custom<JsonSchema>((value) => typeof value === 'object' && value !== null);
const content = z.object({ 'application/json': z.object({ schema: jsonSchema }) });
const itemSchema = z.object({
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean().default(false), schema: jsonSchema }))
    .default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ content: content.optional().catch(undefined) })),
});
