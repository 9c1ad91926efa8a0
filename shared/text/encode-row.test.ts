import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteTokenizer, sentencePieceTokenizer } from '../../test/support/small-tokenizers.ts';
import type { ChatTemplate } from './chat-template.ts';
import { encodePrompt, stopTokens } from './encode-prompt.ts';
import { encodeRows, type EncodedParts, type RowEncoder } from './encode-row.ts';
import type { DatasetRow } from './row-format.ts';
import type { ChatMessage } from './template-messages.ts';
import { compileTemplate } from './template-renderer.ts';
import { loadTokenizer } from './tokenizer.ts';
import { trainedRuns } from './trained-runs.ts';

const special = ['<|im_start|>', '<|im_end|>', '<|eos|>', '<s>'];
const plain = loadTokenizer({ tokenizerJson: byteTokenizer({ special }), tokenizerConfig: { eos_token: '<|eos|>' } });
const withBos = loadTokenizer({
  tokenizerJson: byteTokenizer({ special, bos: '<s>' }),
  tokenizerConfig: { bos_token: '<s>', eos_token: '<|eos|>' },
});
const pieces = loadTokenizer({
  tokenizerJson: sentencePieceTokenizer(),
  tokenizerConfig: { bos_token: '<s>', eos_token: '</s>' },
});

/** The same templates without their thread, which has its own tests. */
function inline(template: string, tokens: Record<string, string> = {}): ChatTemplate {
  const render = compileTemplate(template, new Date(0));
  const renderAll: ChatTemplate['renderAll'] = (requests) =>
    Promise.resolve(
      requests.map(({ messages, addGenerationPrompt }) => {
        try {
          return { text: render({ ...tokens, messages, add_generation_prompt: addGenerationPrompt, tools: null }) };
        } catch (error) {
          return { error: String(error) };
        }
      }),
    );
  const renderOne: ChatTemplate['render'] = async (request) =>
    ((await renderAll([request]))[0] as { text: string }).text; // as tests need it
  return { renderAll, render: renderOne, close: () => Promise.resolve() };
}

const chatml = `{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;

async function encode(encoder: RowEncoder, row: DatasetRow): Promise<EncodedParts> {
  const [encoded] = await encodeRows(encoder, [{ line: 7, row }]);
  if (!encoded) throw new Error('one row gives one answer');
  return encoded;
}
async function marked(encoder: RowEncoder, row: DatasetRow): Promise<string[]> {
  const { parts } = await encode(encoder, row);
  return parts.map((part) =>
    trainedRuns(encoder.tokenizer, part)
      .map(({ text, trained }) => (trained ? `⟪${text}⟫` : text))
      .join(''),
  );
}
const turns = (...contents: string[]): DatasetRow & { format: 'messages' } => ({
  format: 'messages',
  messages: contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
});

test('a conversation needs a template', async () => {
  expect(await encode({ tokenizer: plain }, turns('a', 'b'))).toMatchObject({
    parts: [],
    notes: [{ severity: 'error', code: 'template-missing' }],
  });
  await expect(encodePrompt({ tokenizer: plain }, { messages: [] })).rejects.toMatchObject({
    code: 'template-missing',
  });
});

test('a template that begins an answer otherwise than it asks for one is refused', async () => {
  // as templates do that put a thought into the generation prompt and leave it out of the finished turn
  const template = inline(chatml.replace('assistant\n{% endif %}', 'assistant\n<think>{% endif %}'));
  expect(await encode({ tokenizer: plain, template }, turns('a', 'b'))).toMatchObject({
    parts: [],
    notes: [{ severity: 'error', code: 'template-context' }],
  });
});

test('a template that counts its messages changes every context, and each answer stands alone', async () => {
  const template = inline(`[{{ messages | length }}]${chatml}`);
  // the words before the answer are the same, only further up something changes
  expect(await marked({ tokenizer: plain, template }, turns('a', 'b', 'c', 'd'))).toEqual([
    '[1]<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟪b<|im_end|>⟫',
    '[3]<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟪d<|im_end|>⟫',
  ]);
  // an answer that repeats all of that cannot be told from it
  const repeated = 'a<|im_end|>\n<|im_start|>assistant\n';
  expect((await encode({ tokenizer: plain, template }, turns('a', repeated))).notes).toMatchObject([
    { code: 'template-context' },
  ]);
});

test('a template that drops thoughts from earlier answers gives each answer its own row', async () => {
  const dropping = chatml.replace(
    '{{ m.content }}',
    '{% if loop.last %}{{ m.content }}{% else %}{{ m.content.split("|")[-1] }}{% endif %}',
  );
  expect(await marked({ tokenizer: plain, template: inline(dropping) }, turns('a', 'hm|b', 'c', 'hm|d'))).toEqual([
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟪hm|b<|im_end|>⟫',
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟪hm|d<|im_end|>⟫',
  ]);
});

test('a template that puts an empty thought before the last answer only has it trained, and each answer in its own row', async () => {
  // as Qwen3 does for answers behind the last question
  const thinking = chatml.replace(
    '{{ m.content }}',
    '{% if loop.last and m.role == "assistant" %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}',
  );
  expect(await marked({ tokenizer: plain, template: inline(thinking) }, turns('a', 'b', 'c', 'd'))).toEqual([
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟪<think>\n\n</think>\n\nb<|im_end|>⟫',
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟪<think>\n\n</think>\n\nd<|im_end|>⟫',
  ]);
});

test('a template that renames who answers and puts the system text into the first question trains the answers alone', async () => {
  // as Gemma 3 does
  const renaming = `{% if messages[0].role == "system" %}{% set first = messages[0].content + "\n\n" %}{% set rest = messages[1:] %}{% else %}{% set first = "" %}{% set rest = messages %}{% endif %}{% for m in rest %}{% if (m.role == "user") != (loop.index0 % 2 == 0) %}{{ raise_exception("user and model must alternate") }}{% endif %}<|im_start|>{{ "model" if m.role == "assistant" else m.role }}\n{% if loop.first %}{{ first }}{% endif %}{{ m.content | trim }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>model\n{% endif %}`;
  const encoder = { tokenizer: plain, template: inline(renaming) };
  const messages: ChatMessage[] = [{ role: 'system', content: 'Be kind.' }, ...turns('a', 'b', 'c', ' d ').messages];
  expect(await marked(encoder, { format: 'messages', messages })).toEqual([
    '<|im_start|>user\nBe kind.\n\na<|im_end|>\n<|im_start|>model\n⟪b<|im_end|>⟫\n<|im_start|>user\nc<|im_end|>\n<|im_start|>model\n⟪d<|im_end|>⟫',
  ]);
  const twice: DatasetRow = { format: 'messages', messages: [...turns('a').messages, ...turns('b', 'c').messages] };
  expect((await encode(encoder, twice)).notes).toMatchObject([{ severity: 'error', code: 'template-refuses' }]);
});

test('a template that leaves out what it does not know is noticed', async () => {
  const usersOnly = chatml.replace('{% for m in messages %}', '{% for m in messages if m.role != "system" %}');
  const messages: ChatMessage[] = [{ role: 'system', content: 'Be kind.' }, ...turns('a', 'b').messages];
  const { notes, parts } = await encode(
    { tokenizer: plain, template: inline(usersOnly) },
    { format: 'messages', messages },
  );
  expect(notes).toEqual([
    { severity: 'warning', code: 'message-not-rendered', message: expect.stringContaining('message 1') },
  ]);
  expect(parts).toHaveLength(1);
});

test('without an end of turn, the end of text is trained behind the last answer, and the row says so', async () => {
  const template = inline(
    '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}',
  );
  expect(await marked({ tokenizer: plain, template }, turns('a', 'b', 'c', 'd'))).toEqual([
    'user: a\nassistant: ⟪b\n⟫user: c\nassistant: ⟪d\n<|eos|>⟫',
  ]);
  expect((await encode({ tokenizer: plain, template }, turns('a', 'b'))).notes).toMatchObject([{ code: 'no-end' }]);
  expect(await stopTokens({ tokenizer: plain, template })).toEqual([plain.eos?.id]);
});

test('a template without a generation prompt leaves the header to the model', async () => {
  const template = inline(chatml.replace(/\{% if add.*$/s, ''));
  expect(await marked({ tokenizer: plain, template }, turns('a', 'b'))).toEqual([
    '<|im_start|>user\na<|im_end|>\n⟪<|im_start|>assistant\nb<|im_end|>⟫',
  ]);
});

test('an end of turn inside an answer does not end the training', async () => {
  const template = inline(chatml);
  expect(await marked({ tokenizer: plain, template }, turns('a', 'b<|im_end|>c'))).toEqual([
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟪b<|im_end|>c<|im_end|>⟫',
  ]);
});

test('a greeting is trained where the template can ask for it, and is context where not', async () => {
  const greeting: DatasetRow = {
    format: 'messages',
    messages: [{ role: 'assistant', content: 'hi' }, ...turns('a', 'b').messages],
  };
  expect((await marked({ tokenizer: plain, template: inline(chatml) }, greeting))[0]).toMatch(
    /^<\|im_start\|>assistant\n⟪hi<\|im_end\|>⟫/,
  );
  const bosFirst = inline(
    `{% for m in messages %}{% if loop.first %}<s>{% endif %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`,
  );
  expect(await marked({ tokenizer: plain, template: bosFirst }, greeting)).toEqual([
    '<s>[assistant]hi<|im_end|>[user]a<|im_end|>[assistant]⟪b<|im_end|>⟫',
  ]);
  expect((await encode({ tokenizer: plain, template: bosFirst }, greeting)).notes).toMatchObject([
    { code: 'greeting' },
  ]);
  const alone: DatasetRow = { format: 'messages', messages: greeting.messages.slice(0, 1) };
  expect((await encode({ tokenizer: plain, template: bosFirst }, alone)).notes).toMatchObject([
    { severity: 'error', code: 'completion-missing' },
  ]);
});

test('answers in the prompt of a row made of messages are context', async () => {
  const row: DatasetRow = { ...turns('a', 'b', 'c', 'd'), trainedFrom: 2 };
  expect(await marked({ tokenizer: plain, template: inline(chatml) }, row)).toEqual([
    '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟪d<|im_end|>⟫',
  ]);
});

test('a completion and the end of text are trained, the prompt is not; neither is changed', async () => {
  const row = (prompt: string, completion: string): DatasetRow => ({ format: 'prompt-completion', prompt, completion });
  expect(await marked({ tokenizer: plain }, row('2 + 2 =', ' 4'))).toEqual(['2 + 2 =⟪ 4<|eos|>⟫']);
  expect(await marked({ tokenizer: plain }, row('a', 'b<|eos|>'))).toEqual(['a⟪b<|eos|>⟫']);
  // nothing comes before the first token of all that could predict it
  expect(await marked({ tokenizer: plain }, row('', 'ab'))).toEqual(['a⟪b<|eos|>⟫']);
  expect(await marked({ tokenizer: withBos }, row('', 'ab'))).toEqual(['<s>⟪ab<|eos|>⟫']);
  // a tokenizer that puts a space before a text puts none before the completion
  const [encoded] = (await encode({ tokenizer: pieces }, row('go', 'on'))).parts;
  expect([...(encoded?.tokens ?? [])]).toEqual([1, ...pieces.encode('goon'), 2]);
  expect(await marked({ tokenizer: pieces }, row('go', ' on'))).toEqual(['<s> go⟪on</s>⟫']);
});

test('every token of a text is trained but its first', async () => {
  const row = (text: string): DatasetRow => ({ format: 'text', text });
  expect(await marked({ tokenizer: plain }, row('abc'))).toEqual(['a⟪bc<|eos|>⟫']);
  expect(await marked({ tokenizer: withBos }, row('abc'))).toEqual(['<s>⟪abc<|eos|>⟫']);
  const endless = loadTokenizer({ tokenizerJson: byteTokenizer({}), tokenizerConfig: {} });
  expect(await encode({ tokenizer: endless }, row('abc'))).toMatchObject({
    notes: [{ severity: 'warning', code: 'no-end' }],
  });
});

test('the first token stands there once, whoever writes it', async () => {
  const bosOf = async (tokenizer: RowEncoder['tokenizer'], template: string, row: DatasetRow): Promise<number> => {
    const { parts } = await encode({ tokenizer, template: inline(template, { bos_token: '<s>' }) }, row);
    return [...(parts[0]?.tokens ?? [])].filter((id) => id === tokenizer.bos?.id).length;
  };
  for (const tokenizer of [withBos, pieces]) {
    expect(await bosOf(tokenizer, `{{ bos_token }}${chatml}`, turns('a', 'b'))).toBe(1);
    expect(await bosOf(tokenizer, chatml, turns('a', 'b'))).toBe(1);
    expect(await bosOf(tokenizer, '', { format: 'text', text: '<s>abc' })).toBe(1);
    expect(await bosOf(tokenizer, '', { format: 'text', text: 'abc' })).toBe(1);
    expect(await bosOf(tokenizer, '', { format: 'prompt-completion', prompt: '<s>a', completion: 'b' })).toBe(1);
    expect(await bosOf(tokenizer, '', { format: 'prompt-completion', prompt: 'a', completion: 'b' })).toBe(1);
  }
  expect(await encodePrompt({ tokenizer: withBos }, { prompt: 'a' })).toEqual([
    withBos.bos?.id,
    ...withBos.encode('a'),
  ]);
});

const words = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', '\n', 'é', '👋🏽', '<|im_end|>', '<|im_start|>user\n'),
  minLength: 1,
});

test('whatever is said: all of the answers and nothing else is trained', async () => {
  const encoder = { tokenizer: plain, template: inline(chatml) };
  await fc.assert(
    fc.asyncProperty(fc.array(words, { minLength: 2, maxLength: 7 }), async (contents) => {
      const { messages } = turns(...contents);
      const { parts } = await encode(encoder, { format: 'messages', messages });
      const runs = parts.flatMap((part) => trainedRuns(plain, part));
      const answers = messages.filter(({ role }) => role === 'assistant');
      expect(runs.filter(({ trained }) => trained).map(({ text }) => text)).toEqual(
        answers.map(({ content }) => `${content}<|im_end|>`),
      );
      const upToLast = messages.slice(0, messages.lastIndexOf(answers.at(-1) ?? { role: '' }) + 1);
      const whole = await encoder.template.render({ messages: upToLast, addGenerationPrompt: false });
      expect(`${runs.map(({ text }) => text).join('')}\n`).toBe(whole);
    }),
  );
});

test('whatever is said: a row begins with its prompt, and no label stands in there', async () => {
  for (const tokenizer of [plain, withBos, pieces])
    await fc.assert(
      fc.asyncProperty(words, words, async (prompt, completion) => {
        const { parts } = await encode({ tokenizer }, { format: 'prompt-completion', prompt, completion });
        const [part] = parts;
        const ids = await encodePrompt({ tokenizer }, { prompt });
        expect([...(part?.tokens ?? [])].slice(0, ids.length)).toEqual(ids);
        expect(part?.trained.slice(0, ids.length).includes(1)).toBe(false);
        expect(part?.trained.slice(ids.length).includes(0)).toBe(false);
        expect(part?.line).toBe(7);
      }),
    );
});
