import { storeRules, type StoreRule } from './check/check-store.ts';
import { brokenRule, type DropKind } from './dropping-world.ts';
import type { RoundResult } from './round.ts';

/** Something that must hold, and where it does not. */
export interface Check {
  readonly name: string;
  readonly found: readonly string[];
}

export function checksOf({ findings, bugs }: RoundResult): Check[] {
  const rules = Object.entries(storeRules).map(([rule, name]) => ({ name, found: findings[rule as StoreRule] }));
  return [{ name: 'no answer said what cannot be', found: bugs }, ...rules];
}

/** A round in which a write was dropped must fail where that is missed. */
export function checkFoundOut({ findings, dropped }: RoundResult, kind: DropKind): Check {
  const name = 'a write that is dropped on purpose is found out';
  if (dropped === undefined) return { name, found: ['nothing was dropped'] };
  const [first] = findings[brokenRule[kind]];
  if (first === undefined) return { name, found: [`"${storeRules[brokenRule[kind]]}" holds without it`] };
  say(`found out: ${first}`);
  return { name, found: [] };
}

/** Prints what was found, and counts it in the last line and the exit code. */
export function reportChecks(checks: readonly Check[]): void {
  for (const { name, found } of checks) {
    console.log(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${name}`);
    for (const text of found.slice(0, shownMax)) console.log(`       ${text}`);
    if (found.length > shownMax) console.log(`       and ${found.length - shownMax} more`);
  }
  const failed = checks.filter(({ found }) => found.length > 0).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

const shownMax = 20;

export function say(text: string): void {
  console.log(`  ${text}`);
}

/** A setting of the command line. */
export function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error(`${name} is a number of at most six digits, not "${text}"`);
  return Number(text);
}

/** The kind of write that is to be dropped: the one that was named, or one by the seed. */
export function dropOf(name: string | undefined, seed: number): DropKind {
  const kinds = Object.keys(brokenRule) as DropKind[]; // its keys are all of them
  const drop = name === undefined ? kinds[seed % kinds.length] : kinds.find((kind) => kind === name);
  if (drop === undefined) throw new Error(`--drop is one of ${kinds.join(', ')}`);
  return drop;
}
