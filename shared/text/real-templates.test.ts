import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { families, isText, openChatFamily, type ChatFamily } from '../../test/support/chat-fixture.ts';
import { encodePrompt, stopTokens } from './encode-prompt.ts';

const open = new Map<string, ChatFamily>();
const family = (name: (typeof families)[number]): ChatFamily => {
  const found = open.get(name);
  if (!found) throw new Error(`${name} is not open`);
  return found;
};
const conversation = (name: (typeof families)[number], title: string): ChatFamily['conversations'][number] => {
  const found = family(name).conversations.find((given) => given.name === title);
  if (!found) throw new Error(`${title} was not recorded`);
  return found;
};
const marked = (name: (typeof families)[number], title: string): Promise<string[]> => {
  const { messages, tools } = conversation(name, title);
  return family(name).marked(messages, tools);
};

beforeAll(async () => {
  for (const name of families) open.set(name, await openChatFamily(name));
});
afterAll(async () => {
  for (const { template } of open.values()) await template.close();
});

describe.each(families)('%s', (name) => {
  test('texts and conversations give the tokens that transformers gives', async () => {
    const { tokenizer, template, texts, conversations } = family(name);
    for (const { text, ids, back } of texts) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(back);
    }
    for (const { messages, tools, whole, asked } of conversations)
      for (const [given, addGenerationPrompt] of [
        [whole, false],
        [asked, true],
      ] as const) {
        const [answer] = await template.renderAll([{ messages, addGenerationPrompt, ...(tools ? { tools } : {}) }]);
        if (isText(given)) {
          expect(answer).toEqual({ text: given.text });
          expect(tokenizer.encode(given.text)).toEqual(given.ids);
        } else expect(given.error).toContain((answer as { error: string }).error); // a text is not equal to an error's
      }
  });

  test('trained rows are, token for token, the conversations that transformers encodes whole', async () => {
    const opened = family(name);
    for (const { name: title, messages, tools, whole } of opened.conversations) {
      const { parts, notes } = await opened.encode(messages, tools);
      if (!isText(whole)) {
        expect(notes).toMatchObject([{ severity: 'error', code: 'template-refuses' }]);
        continue;
      }
      expect(parts.length).toBeGreaterThan(0);
      // the system text of Mistral stands in the last message only, so such a row is not the conversation as a whole
      if (name === 'mistral_nemo' && messages[0]?.role === 'system') continue;
      // Qwen3's last answers have a thought, earlier ones lose theirs, and the last question is not answered here
      if (name === 'qwen3' && title === 'question-left-open') continue;
      // an answer that begins with a line break: encoded whole, that merges with the line break of the header, which a model
      // that is asked has already been shown
      if (title === 'edges' && (name === 'qwen2_5' || name === 'smollm2')) continue;
      const last = [...(parts.at(-1)?.tokens ?? [])];
      expect(last).toEqual(whole.ids.slice(0, last.length));
    }
  });

  test('a prompt is what rows are trained behind', async () => {
    const opened = family(name);
    const { tokenizer, template } = opened;
    const { messages } = conversation(name, 'no-system');
    const prompt = await encodePrompt({ tokenizer, template }, { messages: messages.slice(0, 1) });
    const part = (await opened.encode(messages)).parts[0];
    const start = part?.trained.indexOf(1) ?? -1;
    expect([...(part?.tokens ?? [])].slice(0, start)).toEqual(prompt);
    expect(prompt.filter((id) => id === tokenizer.bos?.id)).toHaveLength(
      // SmolLM2 names <|im_start|> its bos
      name === 'smollm2' ? 3 : ['qwen2_5', 'qwen3', 'phi3_5', 'smollm3'].includes(name) ? 0 : 1,
    );
  });
});

test('Llama 3: each answer and its <|eot_id|>, not the header of a next answer that its template always writes', async () => {
  expect(await marked('llama3', 'turns')).toEqual([
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>' +
      '<|start_header_id|>user<|end_header_id|>\n\nWhat is the capital of France?<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪Paris.<|eot_id|>⟫' +
      '<|start_header_id|>user<|end_header_id|>\n\nAnd of Spain?<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪Madrid, since 1561.<|eot_id|>⟫',
  ]);
  // its template trims
  expect(await marked('llama3', 'edges')).toEqual([
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nKeep\nlines.<|eot_id|>' +
      '<|start_header_id|>user<|end_header_id|>\n\n1 + 1 =<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪def f(x):\n\treturn 1234567<|eot_id|>⟫',
  ]);
  const { tokenizer, template } = family('llama3');
  expect((await stopTokens({ tokenizer, template })).map((id) => tokenizer.decode([id]))).toEqual([
    '<|end_of_text|>',
    '<|eot_id|>',
  ]);
});

test('Qwen2.5: each answer and its <|im_end|>, not the line break behind it', async () => {
  expect(await marked('qwen2_5', 'turns')).toEqual([
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n' +
      '<|im_start|>assistant\n⟪Paris.<|im_end|>⟫\n<|im_start|>user\nAnd of Spain?<|im_end|>\n' +
      '<|im_start|>assistant\n⟪Madrid, since 1561.<|im_end|>⟫',
  ]);
  expect(await marked('qwen2_5', 'no-system')).toEqual([
    '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' +
      '<|im_start|>user\nSay hello in German and in Japanese.<|im_end|>\n' +
      '<|im_start|>assistant\n⟪Grüße, 世界! 👋🏽<|im_end|>⟫',
  ]);
  expect((await marked('qwen2_5', 'edges'))[0]).toContain(
    '<|im_start|>assistant\n⟪\n\n  def f(x):\n\treturn 1234567\n <|im_end|>⟫',
  );
});

test('Qwen2.5: a call of a tool is trained, the words around it are not', async () => {
  const [text = ''] = await marked('qwen2_5', 'tools');
  // its template begins a call on the line of the header, where the generation prompt has already broken it
  expect(text).toContain(
    '<|im_start|>assistant\n⟪<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}\n</tool_call><|im_end|>⟫\n' +
      '<|im_start|>user\n<tool_response>\n{"sky": "clear"}\n</tool_response><|im_end|>\n' +
      '<|im_start|>assistant\n⟪It is clear.<|im_end|>⟫',
  );
});

test('Mistral: each answer and its </s>', async () => {
  expect(await marked('mistral_nemo', 'no-system-turns')).toEqual([
    '<s>[INST]One?[/INST]⟪1</s>⟫[INST]Two?[/INST]⟪2</s>⟫[INST]Three?[/INST]⟪3</s>⟫',
  ]);
  expect(await marked('mistral_nemo', 'same-words')).toEqual([
    '<s>[INST]Again.[/INST]⟪Again.</s>⟫[INST]Again.[/INST]⟪Again.</s>⟫',
  ]);
  expect(await marked('mistral_nemo', 'tools')).toEqual([
    expect.stringContaining(
      '[INST]Weather in Zürich?[/INST]⟪[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}, "id": "abcdef123"}]</s>⟫' +
        '[TOOL_RESULTS]{"content": {"sky": "clear"}, "call_id": "abcdef123"}[/TOOL_RESULTS]⟪It is clear.</s>⟫',
    ),
  ]);
});

test('Mistral: its template moves the system text to the last question, so each answer stands behind what is shown when it is asked', async () => {
  expect(await marked('mistral_nemo', 'turns')).toEqual([
    '<s>[INST]Be brief.\n\nWhat is the capital of France?[/INST]⟪Paris.</s>⟫',
    '<s>[INST]What is the capital of France?[/INST]Paris.</s>[INST]Be brief.\n\nAnd of Spain?[/INST]⟪Madrid, since 1561.</s>⟫',
  ]);
  expect((await family('mistral_nemo').encode(conversation('mistral_nemo', 'turns').messages)).notes).toMatchObject([
    { severity: 'warning', code: 'conversation-split' },
  ]);
});

test('SmolLM2: each answer and its <|im_end|>, behind the system text that its template adds', async () => {
  expect(await marked('smollm2', 'question-left-open')).toEqual([
    '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' +
      '<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n⟪1<|im_end|>⟫',
  ]);
  expect(await marked('smollm2', 'turns')).toEqual([
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n' +
      '<|im_start|>assistant\n⟪Paris.<|im_end|>⟫\n<|im_start|>user\nAnd of Spain?<|im_end|>\n' +
      '<|im_start|>assistant\n⟪Madrid, since 1561.<|im_end|>⟫',
  ]);
});

test('Llama 3.2: the day is always the same one, a call of a tool is trained, its result is not', async () => {
  expect(await marked('llama3_2', 'turns')).toEqual([
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n' +
      'Be brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhat is the capital of France?<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪Paris.<|eot_id|>⟫' +
      '<|start_header_id|>user<|end_header_id|>\n\nAnd of Spain?<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪Madrid, since 1561.<|eot_id|>⟫',
  ]);
  expect((await marked('llama3_2', 'tools'))[0]).toContain(
    '⟪{"name": "get_weather", "parameters": {"city": "Zürich", "days": 2}}<|eot_id|>⟫' +
      '<|start_header_id|>ipython<|end_header_id|>\n\n"{\\"sky\\": \\"clear\\"}"<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n⟪It is clear.<|eot_id|>⟫',
  );
});

test('Qwen3: the empty thought that begins an answer is trained; earlier answers stand without theirs, as the model is shown them', async () => {
  const first = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is the capital of France?<|im_end|>\n';
  expect(await marked('qwen3', 'turns')).toEqual([
    `${first}<|im_start|>assistant\n⟪<think>\n\n</think>\n\nParis.<|im_end|>⟫`,
    `${first}<|im_start|>assistant\nParis.<|im_end|>\n<|im_start|>user\nAnd of Spain?<|im_end|>\n` +
      '<|im_start|>assistant\n⟪<think>\n\n</think>\n\nMadrid, since 1561.<|im_end|>⟫',
  ]);
  // the template takes line breaks from the start of an answer, and leaves the indentation of its code
  expect((await marked('qwen3', 'edges'))[0]).toContain('</think>\n\n  def f(x):\n\treturn 1234567\n <|im_end|>⟫');
  expect((await marked('qwen3', 'tools')).map((text) => text.slice(text.indexOf('⟪')))).toEqual([
    '⟪<think>\n\n</think>\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}\n</tool_call><|im_end|>⟫',
    '⟪<think>\n\n</think>\n\nIt is clear.<|im_end|>⟫',
  ]);
});

test('Gemma 3: the system text opens the first question, and the model answers as "model"', async () => {
  expect(await marked('gemma3', 'turns')).toEqual([
    '<bos><start_of_turn>user\nBe brief.\n\nWhat is the capital of France?<end_of_turn>\n<start_of_turn>model\n⟪Paris.<end_of_turn>⟫\n' +
      '<start_of_turn>user\nAnd of Spain?<end_of_turn>\n<start_of_turn>model\n⟪Madrid, since 1561.<end_of_turn>⟫',
  ]);
});

test('Phi-3.5: each answer and its <|end|>, not the end of text behind the conversation', async () => {
  expect(await marked('phi3_5', 'turns')).toEqual([
    '<|system|> Be brief.<|end|><|user|> What is the capital of France?<|end|><|assistant|>⟪Paris.<|end|>⟫' +
      '<|user|> And of Spain?<|end|><|assistant|>⟪Madrid, since 1561.<|end|>⟫',
  ]);
  const { tokenizer, template } = family('phi3_5');
  expect((await stopTokens({ tokenizer, template })).map((id) => tokenizer.decode([id]))).toEqual([
    '<|endoftext|>',
    '<|end|>',
  ]);
});

test('SmolLM3: each answer and its <|im_end|>, behind what its template says of itself', async () => {
  expect(await marked('smollm3', 'turns')).toEqual([
    '<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: /think\n\n' +
      '## Custom Instructions\n\nBe brief.\n\n<|im_end|>\n' +
      '<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n⟪Paris.<|im_end|>⟫\n' +
      '<|im_start|>user\nAnd of Spain?<|im_end|>\n<|im_start|>assistant\n⟪Madrid, since 1561.<|im_end|>⟫',
  ]);
  expect((await marked('smollm3', 'edges'))[0]).toContain('⟪  def f(x):\n\treturn 1234567\n <|im_end|>⟫');
});
