import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { strftime } from './strftime.ts';

/**
 * Compiles a chat template; the result renders it with the variables given. Block lines leave no line breaks and no indentation
 * behind (`trim_blocks`, `lstrip_blocks`) and `raise_exception`, `strftime_now`, `range` and `tojson` are there, as in transformers.
 * Throws `Error` with the reason when the template is malformed, and so does rendering when the template refuses.
 */
export function compileTemplate(template: string, now: Date): (variables: Readonly<Record<string, unknown>>) => string {
  const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
  mend(program);
  const globals = {
    ...constants,
    range,
    raise_exception(message: unknown) {
      throw new Error(String(message));
    },
    strftime_now: (format: string) => strftime(now, format),
    [stripName]: strip,
  };
  return (variables) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
    return String(new Interpreter(environment).run(program).value);
  };
}

// Jinja knows its constants in both spellings
const constants = { true: true, false: false, none: null, True: true, False: false, None: null };

/** Rewrites what the interpreter understands otherwise than Python does. */
function mend(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if ('type' in node && node.type === 'FilterExpression') mendUndefinedTest(node);
  if ('type' in node && node.type === 'CallExpression') mendStrip(node);
  for (const child of Object.values(node)) mend(child);
}

/**
 * The interpreter takes a missing attribute for one that passes no test, not even `undefined`, so Mistral's templates would not see
 * roles that do not alternate. `rejectattr(name, "defined")` says the same and is understood.
 */
function mendUndefinedTest(node: object): void {
  const { filter } = node as { filter: { callee?: { value: string }; args?: { value: unknown }[] } }; // a call, or a bare name
  const { callee, args } = filter;
  const opposite = callee ? opposites.get(callee.value) : undefined;
  const test = args?.[1];
  if (callee && opposite && test?.value === 'undefined') [callee.value, test.value] = [opposite, 'defined'];
}

const opposites = new Map([
  ['selectattr', 'rejectattr'],
  ['rejectattr', 'selectattr'],
]);

/**
 * The interpreter's `strip`, `lstrip` and `rstrip` take no argument and strip all white space, so `lstrip("\\n")`, with which Qwen3 and
 * SmolLM3 write answers, would take the indentation of code.
 */
function mendStrip(node: object): void {
  const call = node as { callee: { type: string; object?: unknown; property?: { value: unknown } }; args: unknown[] };
  const { object, property } = call.callee;
  const sides = stripSides.get(property?.value);
  if (call.callee.type !== 'MemberExpression' || !sides || call.args.length !== 1) return;
  call.callee = { type: 'Identifier', value: stripName } as typeof call.callee;
  call.args = [{ type: 'StringLiteral', value: sides }, object, ...call.args];
}

const stripSides = new Map<unknown, string>([
  ['strip', 'both'],
  ['lstrip', 'left'],
  ['rstrip', 'right'],
]);

/** No template can write this name. */
const stripName = 'strip of characters';

/** Python's `text.strip(characters)`. */
function strip(sides: string, text: unknown, characters: unknown): string {
  if (typeof text !== 'string' || typeof characters !== 'string')
    throw new Error('only texts can be stripped, of texts');
  const [letters, unwanted] = [Array.from(text), new Set(characters)];
  let [start, end] = [0, letters.length];
  if (sides !== 'right') while (start < end && unwanted.has(letters[start] ?? '')) start++;
  if (sides !== 'left') while (end > start && unwanted.has(letters[end - 1] ?? '')) end--;
  return letters.slice(start, end).join('');
}

/** Python's `range`. */
function range(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end];
  if (step === 0) throw new Error('range() arg 3 must not be zero');
  const values: number[] = [];
  for (let value = start; step > 0 ? value < stop : value > stop; value += step) values.push(value);
  return values;
}
