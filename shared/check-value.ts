import { z } from 'zod';
import { limits } from './limits.ts';

/**
 * `schema.safeParse` for a value from outside. Two things are issues here that would be errors of the program there. Values that nest
 * deeper than `limits.valueNestingMax`: whoever walks through them may run out of stack. And objects whose `length` cannot be compared,
 * such as `{"length": {"toString": 1}}`: the library asks anything for its length before it looks at its type.
 */
export function checkValue<T extends z.ZodType>(
  schema: T,
  value: unknown,
  options?: { readonly reportInput?: boolean },
): z.ZodSafeParseResult<z.output<T>> {
  if (nestsDeeper(value, limits.valueNestingMax)) return refused(`is nested more than ${limits.valueNestingMax} deep`);
  try {
    return schema.safeParse(value, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refused('holds an object whose "length" cannot be compared');
  }
}

/** Whether lists and objects stand in one another more than `depth` times. */
export function nestsDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => nestsDeeper(inner, depth - 1));
}

function refused<Out>(message: string): z.ZodSafeParseResult<Out> {
  const error = new z.ZodError([{ code: 'custom', path: [], message, input: undefined }]);
  return { success: false, error: error as z.ZodError<Out> }; // an issue of the whole is one of any type
}
