import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';

/** The syntax tree of a module pattern. */
export type PatternNode =
  /** One character; `tests`: what `accepts` looks at, at most. */
  | {
      readonly kind: 'character';
      readonly accepts: (character: string) => boolean;
      readonly tests: number;
      /** The only one that it accepts. */
      readonly literal?: string;
    }
  /** A condition on a place between characters: `^`, `$`, `\b`, `\B`. */
  | { readonly kind: 'place'; readonly holds: (text: readonly string[], at: number) => boolean }
  | { readonly kind: 'look'; readonly node: PatternNode; readonly negated: boolean }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly min: number; readonly max: number };

/**
 * Parses a pattern in Python's `re` syntax: literals, `.`, classes, groups (named ones too), alternatives, quantifiers
 * (lazy ones too), lookaheads, `^ $ \b \B \d \w \s` and their opposites. Everything else that Python gives a meaning is refused
 * by name with `DomainError('module-pattern')`. Source: docs.python.org/3/library/re.html.
 */
export function parseModulePatternTree(pattern: string): PatternNode {
  const characters = Array.from(pattern);
  if (characters.length > limits.modulePatternCharsMax)
    throw new DomainError(
      'module-pattern',
      `A module pattern has ${characters.length} characters; at most ${limits.modulePatternCharsMax} are allowed.`,
    );
  const parser: Parser = { pattern, characters, at: 0, depth: 0, groupNames: new Set() };
  const node = parseChoice(parser);
  if (parser.at < characters.length) throw refusal(parser, 'there is a ")" without its "("');
  return node;
}

interface Parser {
  readonly pattern: string;
  readonly characters: readonly string[];
  at: number;
  depth: number;
  readonly groupNames: Set<string>;
}

function refusal(parser: Parser, what: string): DomainError {
  return new DomainError(
    'module-pattern',
    `The pattern ${JSON.stringify(parser.pattern)} cannot be used: at character ${parser.at + 1}, ${what}.`,
  );
}

/** Python gives it a meaning, which is not followed here: such a pattern may be right, but nothing can be said of what it matches. */
function unsupported(parser: Parser, what: string): DomainError {
  const { code, message } = refusal(parser, `${what} not supported`);
  return new DomainError(code, message, { findings: [{ severity: 'error', code: patternUnsupported, message }] });
}

/** Code of the finding that an error carries when the pattern is in Python's syntax, but in a part that is not followed here. */
export const patternUnsupported = 'pattern-unsupported';

function parseChoice(parser: Parser): PatternNode {
  const nodes = [parseSequence(parser)];
  while (take(parser, '|')) nodes.push(parseSequence(parser));
  return nodes.length === 1 ? (nodes[0] as PatternNode) : { kind: 'choice', nodes };
}

function parseSequence(parser: Parser): PatternNode {
  const nodes: PatternNode[] = [];
  for (;;) {
    const next = parser.characters[parser.at];
    if (next === undefined || next === '|' || next === ')') return { kind: 'sequence', nodes };
    const atom = parseAtom(parser, next);
    nodes.push(parseQuantifier(parser, atom));
  }
}

function parseAtom(parser: Parser, next: string): PatternNode {
  if (next === '(') return parseGroup(parser);
  if (next === '[') return { kind: 'character', ...parseClass(parser) };
  if (next === '\\') return parseEscape(parser);
  if (next === '*' || next === '+' || next === '?' || readRepeat(parser) !== undefined)
    throw refusal(parser, `there is nothing to repeat before "${next}"`);
  parser.at++;
  if (next === '.') return { kind: 'character', accepts: (character) => character !== '\n', tests: 1 };
  if (next === '^') return { kind: 'place', holds: (_, at) => at === 0 };
  // Python's "$" also holds before a newline at the very end.
  if (next === '$')
    return {
      kind: 'place',
      holds: (text, at) => at === text.length || (at === text.length - 1 && text[at] === '\n'),
    };
  return { kind: 'character', accepts: (character) => character === next, tests: 1, literal: next };
}

function parseGroup(parser: Parser): PatternNode {
  const rest = parser.characters.slice(parser.at, parser.at + 200).join('');
  const opening = /^\((\?:|\?=|\?!|\?P<[A-Za-z_]\w*>|(?!\?))/.exec(rest)?.[0];
  if (opening === undefined) {
    const known = foreignGroup(rest);
    if (known !== undefined) throw unsupported(parser, known);
    throw refusal(parser, `the group "${rest.slice(0, 4)}" is not one that Python's re knows`);
  }
  if (parser.depth >= limits.modulePatternDepthMax)
    throw refusal(parser, `groups are nested more than ${limits.modulePatternDepthMax} deep`);
  const name = /<(\w+)>/.exec(opening)?.[1];
  if (name !== undefined && parser.groupNames.has(name)) throw refusal(parser, `two groups are named "${name}"`);
  if (name !== undefined) parser.groupNames.add(name);
  const start = parser.at;
  parser.at += opening.length;
  parser.depth++;
  const node = parseChoice(parser);
  parser.depth--;
  if (!take(parser, ')')) {
    parser.at = start;
    throw refusal(parser, 'there is a "(" without its ")"');
  }
  if (opening === '(?=' || opening === '(?!') return { kind: 'look', node, negated: opening === '(?!' };
  return node;
}

/** The groups of Python's that are not followed here. */
function foreignGroup(rest: string): string | undefined {
  if (rest.startsWith('(?P=')) return 'back references "(?P=name)" are';
  if (rest.startsWith('(?<=') || rest.startsWith('(?<!')) return 'lookbehind "(?<" is';
  if (rest.startsWith('(?>')) return 'atomic groups "(?>" are';
  if (rest.startsWith('(?(')) return 'conditional groups "(?(" are';
  if (rest.startsWith('(?#')) return 'comments "(?#" are';
  return /^\(\?[a-zA-Z-]+[:)]/.test(rest)
    ? 'inline flags such as "(?i)", instead of which both cases can be spelt out, are'
    : undefined;
}

function parseEscape(parser: Parser): PatternNode {
  const letter = parser.characters[parser.at + 1];
  if (letter === 'b' || letter === 'B') {
    parser.at += 2;
    return {
      kind: 'place',
      holds: (text, at) => (isWord(text[at - 1]) !== isWord(text[at])) === (letter === 'b'),
    };
  }
  const accepts = parseCharacterEscape(parser);
  const literal = letter === undefined || letter in escapedSets ? undefined : (escapedControls[letter] ?? letter);
  return { kind: 'character', accepts, tests: 1, ...(literal === undefined ? {} : { literal }) };
}

/** What stands after a backslash, inside a class or out of it. */
function parseCharacterEscape(parser: Parser): (character: string) => boolean {
  const letter = parser.characters[parser.at + 1];
  if (letter === undefined) throw refusal(parser, 'a backslash ends the pattern');
  const set = escapedSets[letter];
  const control = escapedControls[letter];
  if (set === undefined && control === undefined && /[A-Za-z0-9]/.test(letter))
    throw unsupported(
      parser,
      /[0-9]/.test(letter) ? `back references and octal codes "\\${letter}" are` : `"\\${letter}" is`,
    );
  parser.at += 2;
  const literal = control ?? letter;
  return set ?? ((character) => character === literal);
}

const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character);
const isDigit = (character: string): boolean => /\p{Nd}/u.test(character);
const isSpace = (character: string): boolean => /\s/.test(character);

const escapedSets: Readonly<Record<string, (character: string) => boolean>> = {
  d: isDigit,
  D: (character) => !isDigit(character),
  w: isWord,
  W: (character) => !isWord(character),
  s: isSpace,
  S: (character) => !isSpace(character),
};

const escapedControls: Readonly<Record<string, string>> = {
  t: '\t',
  n: '\n',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\u0007',
};

function parseClass(parser: Parser): { readonly accepts: (character: string) => boolean; readonly tests: number } {
  const start = parser.at;
  parser.at++;
  const negated = take(parser, '^');
  const members: ((character: string) => boolean)[] = [];
  for (let first = true; ; first = false) {
    const low = parser.characters[parser.at];
    if (low === undefined) {
      parser.at = start;
      throw refusal(parser, 'there is a "[" without its "]"');
    }
    // As the first member, "]" stands for itself.
    if (low === ']' && !first) break;
    members.push(parseClassMember(parser, low));
  }
  parser.at++;
  return {
    accepts: (character) => members.some((accepts) => accepts(character)) !== negated,
    tests: members.length,
  };
}

function parseClassMember(parser: Parser, low: string): (character: string) => boolean {
  const escaped = low === '\\' ? parser.characters[parser.at + 1] : undefined;
  const accepts = escaped === undefined ? undefined : parseCharacterEscape(parser);
  if (escaped === undefined) parser.at++;
  const high = parser.characters[parser.at + 1];
  if (parser.characters[parser.at] !== '-' || high === undefined || high === ']')
    return accepts ?? ((character) => character === low);
  // A range: both ends must be single plain characters.
  if (high === '\\' || (escaped !== undefined && /[A-Za-z]/.test(escaped)))
    throw refusal(parser, 'a range in "[...]" must run between plain characters');
  const from = escaped ?? low;
  if (high < from) throw refusal(parser, `the range "${from}-${high}" runs backwards`);
  parser.at += 2;
  return (character) => character >= from && character <= high;
}

function parseQuantifier(parser: Parser, node: PatternNode): PatternNode {
  const repeat = readRepeat(parser);
  if (repeat === undefined) return node;
  if (node.kind === 'place') throw refusal(parser, 'there is nothing to repeat');
  if (repeat.max < repeat.min) throw refusal(parser, 'the repetition counts run backwards');
  parser.at += repeat.length;
  take(parser, '?'); // lazy or greedy, the same names match
  if (parser.characters[parser.at] === '+') throw unsupported(parser, 'possessive quantifiers such as "*+" are');
  if (readRepeat(parser) !== undefined) throw refusal(parser, 'a repetition follows a repetition');
  return { kind: 'repeat', node, min: repeat.min, max: repeat.max };
}

/** The quantifier at the parser's place, if one is there. A "{" that begins none stands for itself. */
function readRepeat(parser: Parser): { min: number; max: number; length: number } | undefined {
  const next = parser.characters[parser.at];
  if (next === '*') return { min: 0, max: Infinity, length: 1 };
  if (next === '+') return { min: 1, max: Infinity, length: 1 };
  if (next === '?') return { min: 0, max: 1, length: 1 };
  if (next !== '{') return undefined;
  const counted = /^\{(\d{0,9})(,?)(\d{0,9})\}/.exec(parser.characters.slice(parser.at, parser.at + 24).join(''));
  if (!counted) return undefined;
  const [whole, low = '', comma = '', high = ''] = counted;
  if (low === '' && comma === '') return undefined;
  const min = low === '' ? 0 : Number(low);
  const max = comma === '' ? min : high === '' ? Infinity : Number(high);
  return { min, max, length: whole.length };
}

function take(parser: Parser, character: string): boolean {
  if (parser.characters[parser.at] !== character) return false;
  parser.at++;
  return true;
}
