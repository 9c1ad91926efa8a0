import { refName, resolved, typesOf, variantsOf, type JsonSchema, type NamedSchemas } from './json-schema.ts';

/** Text, or the name of a schema that stands elsewhere. */
export type TypePart = string | { readonly schema: string };

/** One field of a table: how it is written, and all that is known of it. */
export interface FieldRow {
  /** With its way from the top: `members[].weight`. */
  readonly name: string;
  readonly type: readonly TypePart[];
  readonly required: boolean;
  /** E.g. `1 to 96 characters`. */
  readonly bounds: string;
  /** As JSON. */
  readonly default?: string;
  readonly description: string;
  /** Where only one of several forms has it: `kind` is `local`. */
  readonly when?: { readonly field: string; readonly value: string };
}

/** A row for each field of an object, those of inner objects after it. What has a name is only named. */
export function fieldRows(schema: JsonSchema, named: NamedSchemas, prefix = ''): FieldRow[] {
  const variants = variantsOf(schema).filter((variant) => !isNull(variant));
  if (variants.length > 1) return variantRows(variants, named, prefix);
  const { properties = {}, required = [] } = resolved(variants[0] ?? schema, named);
  return Object.entries(properties).flatMap(([key, field]) => [
    fieldRow(`${prefix}${key}`, field, required.includes(key)),
    ...innerRows(field, named, `${prefix}${key}`),
  ]);
}

export function fieldRow(name: string, schema: JsonSchema, required: boolean): FieldRow {
  const { default: standard, description = '' } = schema;
  return {
    name,
    type: typeParts(schema),
    required,
    bounds: boundsText(schema),
    ...(standard === undefined ? {} : { default: JSON.stringify(standard) }),
    description,
  };
}

function innerRows(field: JsonSchema, named: NamedSchemas, name: string): FieldRow[] {
  if (refName(field) !== undefined) return [];
  if (typesOf(field).includes('array')) return field.items ? innerRows(field.items, named, `${name}[]`) : [];
  if (field.allOf || field.properties || variantsOf(field).some(({ properties }) => properties))
    return fieldRows(field, named, `${name}.`);
  return typeof field.additionalProperties === 'object'
    ? innerRows(field.additionalProperties, named, `${name}.*`)
    : [];
}

/** Several forms: the field that tells them apart once, then what each has of its own. */
function variantRows(variants: readonly JsonSchema[], named: NamedSchemas, prefix: string): FieldRow[] {
  const objects = variants.filter((variant) => refName(variant) === undefined && variant.properties);
  const tell = Object.keys(objects[0]?.properties ?? {}).find((key) =>
    objects.every(({ properties }) => properties?.[key]?.enum?.length === 1),
  );
  if (tell === undefined) return untoldRows(objects.map((variant) => fieldRows(variant, named, prefix)));
  const values = objects.map(({ properties }) => String(properties?.[tell]?.enum?.[0]));
  const rows = [fieldRow(`${prefix}${tell}`, { type: 'string', enum: values }, true)];
  for (const [i, variant] of objects.entries())
    for (const row of fieldRows(variant, named, prefix))
      if (row.name !== `${prefix}${tell}`)
        rows.push({ ...row, when: row.when ?? { field: `${prefix}${tell}`, value: values[i] ?? '' } });
  return rows;
}

/** Forms that nothing tells apart but what they have: only what all of them need is needed. */
function untoldRows(forms: readonly (readonly FieldRow[])[]): FieldRow[] {
  const rows = new Map(forms.flat().map((row) => [row.name, row]));
  return [...rows.values()].map((row) => ({
    ...row,
    required: forms.every((form) => form.some(({ name, required }) => name === row.name && required)),
  }));
}

/** A type in words: `text`, `list of Finding`, `number or null`. */
export function typeParts(schema: JsonSchema): readonly TypePart[] {
  const name = refName(schema);
  if (name !== undefined) return [{ schema: name }];
  if (schema.oneOf ?? schema.anyOf) return orList(distinct(variantsOf(schema).map(typeParts)));
  if (schema.allOf) return ['object'];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(' | ')];
  const types = typesOf(schema);
  if (types.length === 0) return ['anything'];
  return orList(types.map((type) => plainType(type, schema)));
}

function plainType(type: string, schema: JsonSchema): readonly TypePart[] {
  switch (type) {
    case 'array':
      return ['list of ', ...typeParts(schema.items ?? {})];
    case 'object':
      return schema.properties ? ['object'] : ['map of text to ', ...typeParts(valuesOf(schema))];
    case 'string':
      return [formatNames[schema.format ?? ''] ?? 'text'];
    case 'boolean':
      return ['true | false'];
    case 'integer':
      return ['whole number'];
    default:
      return [type];
  }
}

/** Kinds of text that are explained once, for all fields. */
const formatNames: Readonly<Record<string, string>> = {
  'date-time': 'time',
  date: 'day',
  name: 'name',
  adapter: 'adapter',
  id: 'id',
  sha256: 'SHA-256',
};

const valuesOf = ({ additionalProperties: values }: JsonSchema): JsonSchema =>
  typeof values === 'object' ? values : {};

function orList(types: readonly (readonly TypePart[])[]): TypePart[] {
  return types.flatMap((parts, i) => (i === 0 ? parts : [' or ', ...parts]));
}

function distinct(types: readonly (readonly TypePart[])[]): readonly (readonly TypePart[])[] {
  return [...new Map(types.map((parts) => [JSON.stringify(parts), parts])).values()];
}

const isNull = (schema: JsonSchema): boolean => schema.type === 'null';

function boundsText(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, pattern, format = '' } = schema;
  if (typesOf(schema).includes('string') && Object.hasOwn(formatNames, format)) return '';
  return [
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' items'),
    range(minimum, maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum, ''),
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`,
    pattern === undefined ? '' : `matches ${pattern}`,
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`;
  if (low === 1 && unit !== '') return 'not empty';
  if (low !== undefined) return `at least ${low}${unit}`;
  return high === undefined ? '' : `at most ${high}${unit}`;
}
