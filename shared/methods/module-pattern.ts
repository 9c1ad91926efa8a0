import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseModulePatternTree, type PatternNode } from './module-pattern-tree.ts';

/** A compiled pattern over module names. */
export interface ModulePattern {
  /** Whether the whole of `name` matches, as Python's `re.fullmatch` decides. Throws `DomainError('module-pattern')` past the step limit. */
  matches(name: string): boolean;
}

/**
 * Compiles a regular expression of an adapter config, in the part of Python's `re` syntax whose meaning does not depend
 * on the engine. Matching takes no exponential time whatever the pattern, since it may come from a stranger.
 * Throws `DomainError('module-pattern')` that names the construct it does not accept.
 */
export function compileModulePattern(pattern: string): ModulePattern {
  const root = parseModulePatternTree(pattern);
  return {
    matches(name) {
      const text = Array.from(name);
      const state = { text, stepsLeft: limits.modulePatternStepsMax, pattern };
      return ends(root, new Set([0]), state).has(text.length);
    },
  };
}

interface MatchState {
  readonly text: readonly string[];
  readonly pattern: string;
  stepsLeft: number;
}

/**
 * Where a match of `node` may end, given all places where it may begin. Sets of places instead of backtracking:
 * each place is looked at once per node and round, however many ways lead there.
 */
function ends(node: PatternNode, starts: ReadonlySet<number>, state: MatchState): ReadonlySet<number> {
  state.stepsLeft -= starts.size + 1;
  if (state.stepsLeft < 0)
    throw new DomainError(
      'module-pattern',
      `The pattern ${JSON.stringify(state.pattern)} takes too long to match; write it with fewer nested repetitions.`,
    );
  switch (node.kind) {
    case 'character':
      return new Set(
        [...starts].filter((i) => i < state.text.length && node.accepts(state.text[i] as string)).map((i) => i + 1),
      );
    case 'place':
      return new Set([...starts].filter((i) => node.holds(state.text, i)));
    case 'look':
      return new Set([...starts].filter((i) => ends(node.node, new Set([i]), state).size > 0 !== node.negated));
    case 'sequence':
      return node.nodes.reduce((reached, part) => (reached.size === 0 ? reached : ends(part, reached, state)), starts);
    case 'choice':
      return new Set(node.nodes.flatMap((part) => [...ends(part, starts, state)]));
    default:
      return repeatedEnds(node, starts, state);
  }
}

function repeatedEnds(
  node: Extract<PatternNode, { kind: 'repeat' }>,
  starts: ReadonlySet<number>,
  state: MatchState,
): ReadonlySet<number> {
  let reached = starts;
  for (let i = 0; i < node.min; i++) {
    const next = ends(node.node, reached, state);
    // The rounds that remain would change nothing.
    if (sameSet(next, reached)) break;
    reached = next;
  }
  const all = new Set(reached);
  let frontier = reached;
  for (let i = node.min; i < node.max && frontier.size > 0; i++) {
    frontier = new Set([...ends(node.node, frontier, state)].filter((end) => !all.has(end)));
    for (const end of frontier) all.add(end);
  }
  return all;
}

function sameSet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}
