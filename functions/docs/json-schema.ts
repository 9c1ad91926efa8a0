import type { OpenApiDocument } from '../../shared/contract/openapi.ts';

/** What the document says of a value: the part of JSON Schema that its generator writes. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** Given where what is required of each field does not make a valid whole. */
  readonly example?: unknown;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly format?: string;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The schemas of a document that have names. */
export type NamedSchemas = Readonly<Record<string, JsonSchema>>;

export function namedSchemas(document: OpenApiDocument): NamedSchemas {
  return document.components?.schemas ?? {};
}

/** `Adapter` of `#/components/schemas/Adapter`. */
export function refName({ $ref }: JsonSchema): string | undefined {
  return $ref?.slice($ref.lastIndexOf('/') + 1);
}

/** Types of a schema as a list. */
export function typesOf({ type }: JsonSchema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type;
}

/** What a schema may be, one way at a time; itself where there is one way. */
export function variantsOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.oneOf ?? schema.anyOf ?? [schema];
}

/** References followed and `allOf` joined, so that all properties of an object stand together. */
export function resolved(schema: JsonSchema, named: NamedSchemas): JsonSchema {
  const name = refName(schema);
  const target = name === undefined ? undefined : named[name];
  if (target) return resolved(target, named);
  if (!schema.allOf) return schema;
  const parts = schema.allOf.map((part) => resolved(part, named));
  return {
    ...schema,
    type: 'object',
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)) as Record<string, JsonSchema>, // of these parts
    required: [...new Set(parts.flatMap(({ required }) => required ?? []))],
  };
}
