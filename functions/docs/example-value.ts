import { refName, resolved, typesOf, variantsOf, type JsonSchema, type NamedSchemas } from './json-schema.ts';

/** A value that a schema allows and a reader understands: what must be given, by its way from the top, e.g. `.source.path`. */
export function exampleValue(schema: JsonSchema, named: NamedSchemas, name = ''): unknown {
  if (schema.example !== undefined) return schema.example;
  const [first = schema] = variantsOf(schema);
  if (first !== schema) return exampleValue(first, named, name);
  if (refName(schema) !== undefined || schema.allOf) return exampleValue(resolved(schema, named), named, name);
  if (schema.enum) return schema.enum[0];
  switch (typesOf(schema)[0]) {
    case 'object':
      return exampleObject(schema, named, name);
    case 'array':
      return schema.items && (schema.minItems ?? 0) > 0 ? [exampleValue(schema.items, named, name)] : [];
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, numbers[lastPart(name)] ?? 1);
    default:
      return exampleText(name, schema);
  }
}

function exampleObject({ properties = {}, required = [] }: JsonSchema, named: NamedSchemas, name: string): unknown {
  const needed = Object.entries(properties).filter(([key]) => required.includes(key));
  return Object.fromEntries(needed.map(([key, field]) => [key, exampleValue(field, named, `${name}.${key}`)]));
}

/** A text for a field or parameter of this name. */
export function exampleText(name: string, { format }: Pick<JsonSchema, 'format'> = {}): string {
  if (format === 'date-time') return '2026-01-31T12:00:00.000Z';
  if (format === 'date') return '2026-01-31';
  return texts[name] ?? texts[lastPart(name)] ?? 'example';
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

const numbers: Readonly<Record<string, number>> = { sizeBytes: 262_144, version: 3, weight: 1 };

const texts: Readonly<Record<string, string>> = {
  account: 'ci',
  name: 'french',
  adapter: 'french',
  alias: 'production',
  base: 'tiny',
  composition: 'both',
  dataset: 'talks',
  job: 'job_4x8k2m9r7t1w5z3b',
  key: '5f2c9a0b7d41e638',
  path: 'adapter_model.safetensors',
  prompt: 'The weather today is',
  reason: 'It answers in the wrong language.',
  repository: 'owner/model',
  scopes: 'adapters:read',
  team: 'red',
  '.source.path': '/models/tiny-llama',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  upload: 'upl_4x8k2m9r7t1w5z3b',
  version: '3',
};
