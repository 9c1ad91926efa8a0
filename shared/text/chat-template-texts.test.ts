import { expect, test } from 'vitest';
import { chatTemplateTexts } from './chat-template-texts.ts';

test('a list of templates without a default, or something else than templates, is refused', () => {
  const named = (...names: string[]) => ({ chat_template: names.map((name) => ({ name, template: name })) });
  expect(() => chatTemplateTexts({ tokenizerConfig: named('rag', 'tool_use') })).toThrow(/rag, tool_use/);
  expect(() => chatTemplateTexts({ tokenizerConfig: named() })).toThrow(/"default"/);
  expect(() => chatTemplateTexts({ tokenizerConfig: { chat_template: 7 } })).toThrow(/neither a text nor a list/);
});

test('the template is found in either place, the file first', () => {
  const tokenizerConfig = { chat_template: 'in config' };
  expect(chatTemplateTexts({ tokenizerConfig })).toEqual({ template: 'in config', toolTemplate: undefined });
  expect(chatTemplateTexts({ tokenizerConfig, jinjaFile: 'in file' })?.template).toBe('in file');
  const list = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'plain' },
  ];
  expect(chatTemplateTexts({ tokenizerConfig: { chat_template: list } })).toEqual({
    template: 'plain',
    toolTemplate: 'tools',
  });
  expect(chatTemplateTexts({ tokenizerConfig: { chat_template: [{ name: 'chat', template: 'one' }] } })?.template).toBe(
    'one',
  );
});

test('a base without a template has none', () => {
  expect(chatTemplateTexts({ tokenizerConfig: {} })).toBeUndefined();
  expect(chatTemplateTexts({ tokenizerConfig: undefined })).toBeUndefined();
  expect(chatTemplateTexts({ tokenizerConfig: { chat_template: null } })).toBeUndefined();
});
