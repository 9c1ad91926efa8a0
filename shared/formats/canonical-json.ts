import { DomainError } from '../errors.ts';

/**
 * The one way to write a JSON value (RFC 8785): keys in the order of their UTF-16 code units, numbers as ECMAScript writes them, no spaces.
 * What two parties write like this has the same hash wherever it was read and written before. Throws `DomainError('not-json')` for what
 * JSON has no form for: a number that is not finite, half of a surrogate pair, `undefined` in a list, a function.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw notJson(`the number ${value}`);
      return JSON.stringify(value);
    case 'string':
      if (/\p{Surrogate}/u.test(value)) throw notJson('half of a surrogate pair');
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
      return `{${membersOf(value).join(',')}}`;
    default:
      throw notJson(`a value of type ${typeof value}`);
  }
}

/** What is `undefined` is left out, as `JSON.stringify` does. */
function membersOf(value: object): string[] {
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`);
}

const notJson = (what: string): DomainError => new DomainError('not-json', `JSON has no form for ${what}.`);
