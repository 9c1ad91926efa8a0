import { z } from 'zod';
import type { Finding } from '../../errors.ts';
import { nearestWord } from './nearest-word.ts';

type Issue = z.core.$ZodIssue;

/** Findings with JSON paths for the issues that zod reports; an unknown key is one finding and names the key that was probably meant. */
export function issueFindings(schema: z.ZodType, issues: readonly Issue[]): Finding[] {
  return issues.flatMap((issue) => findingsOf(schema, issue, issue.path));
}

function findingsOf(schema: z.ZodType, issue: Issue, path: readonly PropertyKey[]): Finding[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const nearest = nearestWord(key, knownKeys(schema, path, key));
      return finding([...path, key], `is not a known key${nearest ? `; did you mean "${nearest}"?` : ''}`);
    });
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // the alternative that got furthest tells most
    const furthest = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
    if (depth(furthest) > 0) return furthest.flatMap((inner) => findingsOf(schema, inner, [...path, ...inner.path]));
    const wanted = issue.errors.flatMap((errors) => errors.map((inner) => expectation(inner)));
    return [finding(path, `${describe(issue.input)}; wanted is ${[...new Set(wanted)].join(' or ')}`)];
  }
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return [finding(path, `must be ${issue.options.map((option: unknown) => JSON.stringify(option)).join(' or ')}`)];
  if (issue.code === 'custom') return [finding(path, issue.message)];
  return [finding(path, `${describe(issue.input)}; wanted is ${expectation(issue)}`)];
}

function finding(path: readonly PropertyKey[], message: string): Finding {
  return { severity: 'error', code: 'spec', where: jsonPath(path), message };
}

const jsonPath = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '') || 'spec';

const depth = (errors: readonly Issue[]): number => Math.max(0, ...errors.map(({ path }) => path.length));

function describe(input: unknown): string {
  if (input === undefined) return 'is missing';
  const text = JSON.stringify(input);
  return `is ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'a whole number'
        : `${/^[aeio]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'too_small':
      return boundText(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return boundText(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return issue.message;
  }
}

function boundText(origin: string, relation: string, bound: number | bigint): string {
  if (origin === 'string') return `${relation} ${bound} character${Number(bound) === 1 ? '' : 's'}`;
  if (origin === 'array') return `${relation} ${bound} entr${Number(bound) === 1 ? 'y' : 'ies'}`;
  return `${relation} ${bound}`;
}

/** The keys that an object at a path may have, in any member of a union; not the unknown key itself, which another member may know. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], unknownKey: string): string[] {
  let places = alternatives(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  for (const part of path)
    places = places.flatMap(({ properties, items }) => {
      const child = typeof part === 'number' ? items : properties?.[String(part)];
      return typeof child === 'object' && !Array.isArray(child) ? alternatives(child) : [];
    });
  const keys = places.flatMap(({ properties }) => Object.keys(properties ?? {}));
  return keys.filter((key) => key !== unknownKey);
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

const alternatives = (schema: JsonSchema): JsonSchema[] => [
  schema,
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(alternatives),
];
