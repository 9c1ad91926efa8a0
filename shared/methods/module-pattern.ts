import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseModulePatternTree, type PatternNode } from './module-pattern-tree.ts';

/** A compiled pattern over module names. */
export interface ModulePattern {
  /** Whether the whole of `name` matches, as Python's `re.fullmatch` decides. Throws `DomainError('module-pattern')` past the step limit. */
  matches(name: string): boolean;
  /** Steps that `matches` takes for this name, about a tenth of a microsecond each; infinite where it throws. */
  steps(name: string): number;
}

/**
 * Compiles a regular expression of an adapter config, in the part of Python's `re` syntax whose meaning does not depend
 * on the engine. Matching takes no exponential time whatever the pattern, since it may come from a stranger.
 * Throws `DomainError('module-pattern')` that names the construct it does not accept.
 */
export function compileModulePattern(pattern: string): ModulePattern {
  const root = parseModulePatternTree(pattern);
  const run = (name: string): { readonly matched: boolean; readonly steps: number } | undefined => {
    const state = newState(name);
    try {
      const reached = ends(root, 1n, state);
      const matched = reached >> BigInt(state.text.length) === 1n; // no bit stands behind that of the end
      return { matched, steps: limits.modulePatternStepsMax - state.stepsLeft };
    } catch (error) {
      if (error instanceof OutOfStepsError) return undefined;
      throw error;
    }
  };
  return {
    matches(name) {
      const result = run(name);
      if (result) return result.matched;
      throw new DomainError(
        'module-pattern',
        `The pattern ${JSON.stringify(pattern)} takes too long to match; write it with fewer nested repetitions.`,
      );
    },
    steps: (name) => run(name)?.steps ?? Infinity,
  };
}

/** Places between characters as bits of one number: bit i stands before character i, the last one behind the name. */
type Places = bigint;

interface MatchState {
  readonly text: readonly string[];
  /** Steps of one look at all places. */
  readonly width: number;
  /** Where each character stands that the name has. */
  readonly byCharacter: ReadonlyMap<string, Places>;
  /** Where what a node asks of one place is fulfilled. */
  readonly fulfilled: Map<PatternNode, Places>;
  stepsLeft: number;
}

class OutOfStepsError extends Error {
  override readonly name = 'OutOfStepsError';
}

function newState(name: string): MatchState {
  const text = Array.from(name);
  const byCharacter = new Map<string, Places>();
  let place = 1n;
  for (const character of text) {
    byCharacter.set(character, (byCharacter.get(character) ?? 0n) | place);
    place <<= 1n;
  }
  const width = 1 + Math.floor(text.length / 64);
  return { text, width, byCharacter, fulfilled: new Map(), stepsLeft: limits.modulePatternStepsMax };
}

function spend(state: MatchState, steps: number): void {
  state.stepsLeft -= steps;
  if (state.stepsLeft < 0) throw new OutOfStepsError();
}

/**
 * Where a match of `node` may end, given all places where it may begin. Sets of places instead of backtracking:
 * all of them are looked at together once per node and round, however many ways lead there.
 */
function ends(node: PatternNode, starts: Places, state: MatchState): Places {
  spend(state, state.width);
  switch (node.kind) {
    case 'character':
      return (starts & placesOf(node, state)) << 1n;
    case 'place':
      return starts & placesOf(node, state);
    case 'look':
      return looked(node, starts, state);
    case 'sequence': {
      let reached = starts;
      for (const part of node.nodes) {
        if (reached === 0n) break;
        reached = ends(part, reached, state);
      }
      return reached;
    }
    case 'choice': {
      let reached = 0n;
      for (const part of node.nodes) reached |= ends(part, starts, state);
      return reached;
    }
    default:
      return repeatedEnds(node, starts, state);
  }
}

/** Places that a character or a condition accepts, worked out once for each name. */
function placesOf(node: Extract<PatternNode, { kind: 'character' | 'place' }>, state: MatchState): Places {
  const { text, byCharacter, fulfilled } = state;
  if (node.kind === 'character' && node.literal !== undefined) return byCharacter.get(node.literal) ?? 0n;
  const known = fulfilled.get(node);
  if (known !== undefined) return known;
  let places = 0n;
  if (node.kind === 'character') {
    spend(state, byCharacter.size * Math.ceil(node.tests / 8));
    for (const [character, at] of byCharacter) if (node.accepts(character)) places |= at;
  } else {
    spend(state, text.length);
    for (let at = text.length; at >= 0; at--) places = (places << 1n) | (node.holds(text, at) ? 1n : 0n);
  }
  fulfilled.set(node, places);
  return places;
}

function looked(node: Extract<PatternNode, { kind: 'look' }>, starts: Places, state: MatchState): Places {
  let kept = 0n;
  for (let rest = starts; rest !== 0n;) {
    const first = rest & -rest;
    rest ^= first;
    if ((ends(node.node, first, state) !== 0n) !== node.negated) kept |= first;
  }
  return kept;
}

function repeatedEnds(node: Extract<PatternNode, { kind: 'repeat' }>, starts: Places, state: MatchState): Places {
  let reached = starts;
  for (let i = 0; i < node.min; i++) {
    const next = ends(node.node, reached, state);
    // The rounds that remain would change nothing.
    if (next === reached) break;
    reached = next;
  }
  let all = reached;
  let frontier = reached;
  for (let i = node.min; i < node.max && frontier !== 0n; i++) {
    frontier = ends(node.node, frontier, state) & ~all;
    all |= frontier;
  }
  return all;
}
