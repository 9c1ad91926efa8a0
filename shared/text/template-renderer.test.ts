import { expect, test } from 'vitest';
import { compileTemplate } from './template-renderer.ts';

const day = new Date('2024-03-05T04:06:07Z');
const render = (template: string, variables: Record<string, unknown> = {}): string =>
  compileTemplate(template, day)(variables);

test('lines of blocks leave no line breaks and no indentation behind', () => {
  expect(render('a\n  {% if true %}\nb\n  {% endif %}\nc')).toBe('a\nb\nc');
  expect(render('{%- for i in range(2) -%}\n  {{ i }}\n{%- endfor -%}\n')).toBe('01');
});

test('a template may refuse a conversation', () => {
  expect(() => render('{{ raise_exception("only user and assistant") }}')).toThrow('only user and assistant');
  expect(() => render('{% for %}')).toThrow();
});

test('the clock is the one given', () => {
  expect(render('{{ strftime_now("%Y-%m-%d %H:%M") }}')).toBe('2024-03-05 04:06');
});

test('range counts as in Python', () => {
  const all = '{% for i in range(A) %}{{ i }} {% endfor %}';
  expect(render(all.replace('A', '3'))).toBe('0 1 2 ');
  expect(render(all.replace('A', '2, 4'))).toBe('2 3 ');
  expect(render(all.replace('A', '5, 0, -2'))).toBe('5 3 1 ');
  expect(() => render(all.replace('A', '1, 2, 0'))).toThrow(/zero/);
});

test('what is not given prints nothing, and JSON is written as Python writes it', () => {
  expect(render('[{{ bos_token }}]')).toBe('[]');
  expect(render('{{ x | tojson }}', { x: { a: [1, 'ü"', null, true] } })).toBe('{"a": [1, "ü\\"", null, true]}');
});

test('text is stripped of the characters named, and of white space where none are', () => {
  const text = '\n\n  x = "a\n😀" \n';
  const stripped = (call: string): string => render(`{{ text${call} }}`, { text });
  expect(stripped('.lstrip("\\n")')).toBe('  x = "a\n😀" \n');
  expect(stripped('.rstrip(" \\n")')).toBe('\n\n  x = "a\n😀"');
  expect(stripped('.strip("\\n ")')).toBe('x = "a\n😀"');
  expect(stripped('.strip("\\n x😀\\"")')).toBe('= "a');
  expect(stripped('.strip()')).toBe('x = "a\n😀"');
  expect(stripped('.split("=")[-1].lstrip(" ").rstrip("\\n")')).toBe('"a\n😀" ');
  expect(stripped('.strip("")')).toBe(text);
  expect(() => render('{{ none.strip("a") }}')).toThrow(/stripped/);
});

test('a missing attribute is undefined to selectattr and rejectattr', () => {
  const messages = [{ role: 'a' }, { role: 'b', calls: [] }];
  const roles = (filter: string): string =>
    render(`{% for m in messages | ${filter} %}{{ m.role }}{% endfor %}`, { messages });
  expect(roles('selectattr("calls", "undefined")')).toBe('a');
  expect(roles('rejectattr("calls", "undefined")')).toBe('b');
  expect(roles('selectattr("calls", "defined")')).toBe('b');
  expect(roles('rejectattr("role", "equalto", "a")')).toBe('b');
  expect(roles('selectattr("role") | list')).toBe('ab');
});
