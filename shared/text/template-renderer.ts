import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { strftime } from './strftime.ts';

/**
 * Compiles a chat template; the result renders it with the variables given. Block lines leave no line breaks and no indentation
 * behind (`trim_blocks`, `lstrip_blocks`) and `raise_exception`, `strftime_now`, `range` and `tojson` are there, as in transformers.
 * Throws `Error` with the reason when the template is malformed, and so does rendering when the template refuses.
 */
export function compileTemplate(template: string, now: Date): (variables: Readonly<Record<string, unknown>>) => string {
  const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
  mendUndefinedTests(program);
  const globals = {
    ...constants,
    range,
    raise_exception(message: unknown) {
      throw new Error(String(message));
    },
    strftime_now: (format: string) => strftime(now, format),
  };
  return (variables) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
    return String(new Interpreter(environment).run(program).value);
  };
}

// Jinja knows its constants in both spellings
const constants = { true: true, false: false, none: null, True: true, False: false, None: null };

/**
 * The interpreter takes a missing attribute for one that passes no test, not even `undefined`, so Mistral's templates would not see
 * roles that do not alternate. `rejectattr(name, "defined")` says the same and is understood.
 */
function mendUndefinedTests(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if ('type' in node && node.type === 'FilterExpression' && 'filter' in node) {
    const { callee, args } = node.filter as { callee?: { value: string }; args?: { value: unknown }[] }; // a call, or a bare name
    const opposite = callee ? opposites.get(callee.value) : undefined;
    const test = args?.[1];
    if (callee && opposite && test?.value === 'undefined') [callee.value, test.value] = [opposite, 'defined'];
  }
  for (const child of Object.values(node)) mendUndefinedTests(child);
}

const opposites = new Map([
  ['selectattr', 'rejectattr'],
  ['rejectattr', 'selectattr'],
]);

/** Python's `range`. */
function range(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end];
  if (step === 0) throw new Error('range() arg 3 must not be zero');
  const values: number[] = [];
  for (let value = start; step > 0 ? value < stop : value > stop; value += step) values.push(value);
  return values;
}
