import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { chatTemplate, type ChatTemplate, type ChatTemplateOptions, type RenderRequest } from './chat-template.ts';

const open: ChatTemplate[] = [];
const start = (...input: Parameters<typeof chatTemplate>): ChatTemplate => {
  const template = chatTemplate(...input);
  open.push(template);
  return template;
};
afterEach(async () => {
  for (const template of open.splice(0)) await template.close();
});

const request: RenderRequest = { messages: [{ role: 'user', content: 'hi' }], addGenerationPrompt: false };
const renderOnce = (template: string, options?: ChatTemplateOptions): Promise<string> =>
  start(template, options).render(request);

/** Ends only when it is ended: a thousand million rounds. */
const endless =
  '{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}';

test('a template that does not end is ended, and the next one renders in a fresh thread', async () => {
  const template = start(`{% if messages[0].content == "loop" %}${endless}{% endif %}ok`, { renderMilliseconds: 400 });
  expect(await template.render(request)).toBe('ok');
  const loop = { messages: [{ role: 'user', content: 'loop' }], addGenerationPrompt: false };
  await expect(template.renderAll([request, loop, request])).rejects.toMatchObject({
    code: 'template-runaway',
    message: expect.stringContaining('0.4 seconds'),
  });
  expect(await template.render(request)).toBe('ok');
});

test('the time is for one rendering, not for all', async () => {
  const template = start('{% for a in range(3000) %}{% endfor %}ok', { renderMilliseconds: 800 });
  await template.render(request);
  const began = performance.now();
  await template.render(request);
  const count = Math.ceil(1200 / Math.max(1, performance.now() - began));
  expect(await template.renderAll(Array.from({ length: count }, () => request))).toHaveLength(count);
});

test('a template that fills the memory is ended', async () => {
  const hungry =
    '{% set ns = namespace(all=[]) %}{% for a in range(9999) %}{% set ns.all = ns.all + [range(100000)] %}{% endfor %}';
  await expect(renderOnce(hungry, { memoryMegabytes: 64, renderMilliseconds: 60_000 })).rejects.toMatchObject({
    code: 'template-runaway',
    message: expect.stringContaining('64 MB'),
  });
});

test('a text as long as the limit is taken, one character more is not', async () => {
  const template = start('{{ messages[0].content }}');
  const rendered = (length: number): Promise<unknown> =>
    template.render({ messages: [{ role: 'user', content: 'x'.repeat(length) }], addGenerationPrompt: false });
  expect(await rendered(limits.templateOutputCharsMax)).toHaveLength(limits.templateOutputCharsMax);
  await expect(rendered(limits.templateOutputCharsMax + 1)).rejects.toMatchObject({
    code: 'template-failed',
    message: expect.stringContaining(`at most ${limits.templateOutputCharsMax}`),
  });
});

test('a text that doubles until it cannot be held fails alone', async () => {
  const doubling =
    '{% set ns = namespace(s="ab") %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}';
  await expect(renderOnce(doubling)).rejects.toMatchObject({ code: 'template-failed' });
});

test('a template as long as the limit is read, one character more is not', () => {
  expect(() => start('x'.repeat(limits.templateCharsMax))).not.toThrow();
  const long = 'x'.repeat(limits.templateCharsMax + 1);
  expect(() => chatTemplate(long)).toThrow(/262145 characters/);
  expect(() => chatTemplate({ template: '', toolTemplate: long })).toThrow(/262145 characters/);
});

test('a refused conversation says why and does not spoil the others', async () => {
  const template = start(
    '{% if messages[0].role != "user" %}{{ raise_exception("roles must alternate") }}{% endif %}ok',
  );
  const bad = { messages: [{ role: 'system', content: '' }], addGenerationPrompt: false };
  expect(await template.renderAll([request, bad, request])).toEqual([
    { text: 'ok' },
    { error: 'roles must alternate' },
    { text: 'ok' },
  ]);
  await expect(template.render(bad)).rejects.toMatchObject({
    code: 'template-failed',
    message: 'The chat template refuses this conversation: roles must alternate',
  });
});

test('a malformed template is a refusal, not a dead thread', async () => {
  await expect(renderOnce('{% if %}')).rejects.toMatchObject({ code: 'template-failed' });
});

test('a template does not reach beyond its variables', async () => {
  const names = ['process', 'globalThis', 'require', 'workerData', 'constructor', '__proto__', 'toString'];
  const paths = [
    'messages.constructor',
    'messages[0].__proto__',
    'messages[0].content.constructor',
    'range.constructor',
  ];
  const defined = [...names, ...paths].map((path) => `{% if ${path} is defined %}${path}{% endif %}`);
  expect(await renderOnce(defined.join(''))).toBe('');
});

test('many conversations come back in order, whoever asks at the same time', async () => {
  const template = start('{{ messages[0].content }}');
  const ask = (from: number): Promise<unknown> =>
    template.renderAll(
      Array.from({ length: 700 }, (_, i) => ({
        messages: [{ role: 'user', content: `${from + i}` }],
        addGenerationPrompt: false,
      })),
    );
  const [first, second] = await Promise.all([ask(0), ask(1000)]);
  expect(first).toEqual(Array.from({ length: 700 }, (_, i) => ({ text: `${i}` })));
  expect(second).toEqual(Array.from({ length: 700 }, (_, i) => ({ text: `${1000 + i}` })));
});

test('tools choose the template that is for them, and the clock is the one given', async () => {
  const texts = {
    template: '{% if tools is none %}none{% endif %} {{ bos_token }}|{{ eos_token }}',
    toolTemplate: '{{ tools | tojson }} {{ strftime_now("%d %b %Y") }}',
  };
  const template = start(texts, { bosToken: '<s>' });
  expect(await template.render(request)).toBe('none <s>|');
  expect(await template.render({ ...request, tools: [{ name: 'ä' }] })).toBe('[{"name": "ä"}] 26 Jul 2024');
  expect(await start(texts, { now: new Date('2026-01-02T23:59:59Z') }).render({ ...request, tools: [] })).toBe(
    '[] 02 Jan 2026',
  );
});

test('an idle template lets the program end, a waiting one does not', () => {
  const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    const { chatTemplate } = await import(${here('./chat-template.ts')});
    const template = chatTemplate('answer');
    console.log(await template.render({ messages: [], addGenerationPrompt: false }));`;
  const tsx = fileURLToPath(import.meta.resolve('tsx'));
  const output = execFileSync(process.execPath, ['--import', `file://${tsx}`, '--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(output).toBe('answer\n');
});
