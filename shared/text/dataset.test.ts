import { expect, test } from 'vitest';
import { byteTokenizer } from '../../test/support/small-tokenizers.ts';
import { bytesSource } from '../formats/bytes.ts';
import { readLines } from '../formats/jsonl.ts';
import { limits } from '../limits.ts';
import type { ChatTemplate } from './chat-template.ts';
import { readDataset, type DatasetOptions, type DatasetReading } from './dataset.ts';
import type { EncodedRow, RowEncoder } from './encode-row.ts';
import { compileTemplate } from './template-renderer.ts';
import { loadTokenizer } from './tokenizer.ts';

const tokenizer = loadTokenizer({
  tokenizerJson: byteTokenizer({ special: ['<|im_end|>', '<|eos|>'] }),
  tokenizerConfig: { eos_token: '<|eos|>' },
});
const render = compileTemplate(
  `{% for m in messages %}{% if m.role == "tool" %}{{ raise_exception("no tools here") }}{% endif %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`,
  new Date(0),
);
let batches = 0;
const template: ChatTemplate = {
  render: () => Promise.reject(new Error('one by one is slow')),
  renderAll(requests) {
    batches++;
    return Promise.resolve(
      requests.map(({ messages, addGenerationPrompt }) => {
        try {
          return { text: render({ messages, add_generation_prompt: addGenerationPrompt }) };
        } catch (error) {
          return { error: error instanceof Error ? error.message : '' };
        }
      }),
    );
  },
  close: () => Promise.resolve(),
};

type Dataset = DatasetReading & { readonly rows: readonly EncodedRow[] };

async function readRows(
  lines: Parameters<typeof readDataset>[0],
  encoder: RowEncoder,
  options: DatasetOptions,
): Promise<Dataset> {
  const rows: EncodedRow[] = [];
  const reading = await readDataset(lines, encoder, options, (read) => void rows.push(...read));
  return { ...reading, rows };
}
const read = (rows: readonly unknown[], options: Partial<DatasetOptions> = {}): Promise<Dataset> =>
  readRows(
    rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))),
    { tokenizer, template },
    { name: 'train.jsonl', contextMax: 100, ...options },
  );
const found = ({ findings }: Dataset): string[] =>
  findings.map(({ severity, code, where }) => `${severity} ${code} ${where}`);
const pair = (prompt: string, completion: string) => ({ prompt, completion });
const chat = (...roles: string[]) => ({ messages: roles.map((role) => ({ role, content: role })) });

test('all that is wrong in a file is found at once, with its lines', async () => {
  const dataset = await read([
    pair('a', 'b'),
    '{"prompt": "a", ',
    '',
    pair('c', ' '),
    { text: 'c' },
    { prompt: 'c', completion: 5 },
    pair('a', 'b'),
    pair('c', 'd'.repeat(100)),
    '["a"]',
    { prompt: 'e' },
    { id: 7, ...pair('e', 'f') },
  ]);
  expect(found(dataset).toSorted()).toEqual([
    'error completion-empty train.jsonl:4',
    'error line-not-json train.jsonl:2',
    'error row-format train.jsonl:10',
    'error row-format train.jsonl:5',
    'error row-malformed train.jsonl:6',
    'error row-malformed train.jsonl:9',
    'error row-too-long train.jsonl:8',
    'warning line-empty train.jsonl:3',
    'warning row-duplicate train.jsonl:7',
  ]);
  expect(dataset.rows.map(({ line }) => line)).toEqual([1, 7, 11]);
  expect(dataset.report).toEqual({
    format: 'prompt-completion',
    lines: 10,
    rows: 3,
    tokens: 9,
    trainedTokens: 6,
    rowTokens: { p50: 3, p95: 102, max: 102 },
    duplicates: 1,
    overContext: 1,
    errors: 7,
    warnings: 2,
  });
  const messages = dataset.findings.map(({ message }) => message);
  expect(messages).toContain('is not of the form {"prompt", "completion"}, which the first row has; it has "text"');
  expect(messages).toContain('completion: must be string, received number');
  expect(messages).toContain('is the same as train.jsonl:1');
});

test('conversations: roles, contents, refusals of the template', async () => {
  const dataset = await read([
    chat('user', 'assistant'),
    chat('user'),
    chat('human', 'gpt'),
    {
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'a' }] },
        { role: 'assistant', content: null },
      ],
    },
    {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: '' },
      ],
    },
    chat('user', 'tool', 'assistant'),
    { messages: [] },
    { messages: 'a' },
  ]);
  expect(found(dataset)).toEqual([
    'error completion-missing train.jsonl:2',
    'error row-malformed train.jsonl:3',
    'error row-malformed train.jsonl:3',
    'error row-malformed train.jsonl:4',
    'error row-malformed train.jsonl:4',
    'error row-malformed train.jsonl:7',
    'error row-malformed train.jsonl:8',
    'error completion-empty train.jsonl:5',
    'error template-refuses train.jsonl:6',
  ]);
  const messages = dataset.findings.map(({ message }) => message);
  expect(messages[1]).toBe(
    'messages[0].role: "human" is none of system, developer, user, assistant, tool, function, ipython; "user" is meant?',
  );
  expect(messages[3]).toMatch(/^messages\[0\]\.content: /);
  expect(messages.at(-1)).toBe('the chat template refuses it: no tools here');
  expect(dataset.rows.map(({ line }) => line)).toEqual([1]);
});

test('a conversation without a template is an error of every row', async () => {
  const dataset = await readRows(
    [JSON.stringify(chat('user', 'assistant'))],
    { tokenizer },
    { name: 'a', contextMax: 9 },
  );
  expect(found(dataset)).toEqual(['error template-missing a:1']);
});

test('a conversation of as many messages as the limit is read, of one more is not', async () => {
  const roles = Array.from({ length: limits.conversationMessagesMax }, () => 'user');
  roles[1] = 'assistant';
  expect((await read([chat(...roles)])).report.errors).toBe(0);
  expect(found(await read([chat(...roles, 'user')]))).toEqual(['error row-malformed train.jsonl:1']);
});

test('a row nested as deep as the limit is read, and one deeper is not', async () => {
  // the list of both, the list of messages, a message: three levels stand around `extra`
  const row = (depth: number): string =>
    JSON.stringify(chat('user', 'assistant')).replace(
      '"role":"user"',
      `$&,"extra":${'['.repeat(depth - 3)}${']'.repeat(depth - 3)}`,
    );
  expect(found(await read([row(limits.rowNestingMax)]))).toEqual([]);
  expect(found(await read([row(limits.rowNestingMax + 1)]))).toEqual(['error row-malformed train.jsonl:1']);
  expect(found(await read([row(1_000_000)]))).toHaveLength(1);
});

test('an answer of weight 0 is context', async () => {
  const messages = [...chat('user', 'assistant').messages, ...chat('user', 'assistant').messages];
  const dataset = await read([{ messages: messages.map((turn, i) => (i === 1 ? { ...turn, weight: 0 } : turn)) }]);
  expect(dataset.report).toMatchObject({ rows: 1, trainedTokens: 'assistant'.length + 1 });
});

test('a first row of no known form ends the reading, with what to do about it', async () => {
  const one = async (row: unknown): Promise<string> => {
    const dataset = await read([row, 'not even JSON']);
    expect(found(dataset)).toEqual(['error format-unknown train.jsonl:1']);
    return dataset.findings[0]?.message ?? '';
  };
  expect(await one({ conversations: [{ from: 'human', value: 'a' }] })).toContain('must become "messages"');
  expect(await one({ instruction: 'a', output: 'b' })).toContain('must become "prompt"');
  expect(await one({ prompt: 'a', answer: 'b' })).toMatch(/it has "prompt", "answer"$/);
  expect(await one({})).toContain('it is empty');
  expect(await one('7')).toContain('{"messages"}, {"prompt", "completion"}, {"text"}');
});

test('one JSON document is not taken for a broken dataset', async () => {
  for (const lines of [['[', '{"text": "a"},', ']'], ['[{"text": "a"}]'], ['{', '"text": "a"', '}']])
    expect(found(await read(lines))).toEqual(['error not-jsonl train.jsonl:1']);
});

test('keys of several forms: the first known one is read, and that is said', async () => {
  const dataset = await read([
    { text: 'x', ...pair('a', 'b') },
    { text: 'y', ...pair('c', 'd') },
  ]);
  expect(found(dataset)).toEqual(['warning format-several train.jsonl:1']);
  expect(dataset.report.format).toBe('prompt-completion');
});

test('an empty file is an error, empty lines at its end are nothing', async () => {
  expect(found(await read([]))).toEqual(['error dataset-empty train.jsonl']);
  expect(found(await read(['', ' ']))).toEqual(['error dataset-empty train.jsonl']);
  expect(found(await read([{ text: 'ab' }, '', '']))).toEqual([]);
});

test('of each kind the first findings are listed and the others counted', async () => {
  const rows = [{ text: 'ab' }, ...Array.from({ length: limits.datasetFindingsMax + 5 }, () => ({ text: ' ' }))];
  const { findings, report } = await read(rows);
  expect(findings).toHaveLength(limits.datasetFindingsMax + 1);
  expect(findings.at(-1)).toMatchObject({ where: 'train.jsonl', message: '5 more rows: text is empty' });
  expect(report.errors).toBe(limits.datasetFindingsMax + 5);
  const exactly = await read(rows.slice(0, limits.datasetFindingsMax + 1));
  expect(exactly.findings).toHaveLength(limits.datasetFindingsMax);
});

test('what is the same for all rows is told once', async () => {
  const endless = loadTokenizer({ tokenizerJson: byteTokenizer({}), tokenizerConfig: {} });
  const lines = ['ab', 'cd', 'ef'].map((text) => JSON.stringify({ text }));
  const dataset = await readRows(lines, { tokenizer: endless }, { name: 'a', contextMax: 9 });
  expect(found(dataset)).toEqual(['warning no-end a:1', 'warning no-end a']);
});

test('as many rows as the limit are read, and one more is an error', async () => {
  const rows = ['ab', 'cd', 'ef'].map((text) => ({ text }));
  expect(found(await read(rows, { rowsMax: 3 }))).toEqual([]);
  const over = await read([...rows, '', { text: 'gh' }, '{'], { rowsMax: 3 });
  expect(found(over)).toContain('error too-many-rows train.jsonl:5');
  expect(over.rows).toHaveLength(3);
});

test('long rows are cut or split when that is asked for', async () => {
  const rows = [{ text: 'abcdefghi' }, { text: 'ab' }];
  const cut = await read(rows, { contextMax: 4, longRows: 'truncate' });
  expect(found(cut)).toEqual(['warning row-truncated train.jsonl:1']);
  expect(cut.rows.map(({ tokens }) => tokens.length)).toEqual([4, 3]);
  const split = await read(rows, { contextMax: 4, longRows: 'split' });
  expect(split.rows.map(({ line, tokens }) => [line, tokens.length])).toEqual([
    [1, 4],
    [1, 4],
    [1, 4],
    [2, 3],
  ]);
  expect(split.report).toMatchObject({ lines: 2, rows: 4, overContext: 1, trainedTokens: 11, rowTokens: { max: 10 } });
});

test('rows of messages in two halves train the second alone', async () => {
  const rows = [
    pair('a', 'b'),
    { prompt: [{ role: 'user', content: 'q' }], completion: [{ role: 'assistant', content: 'w' }] },
  ];
  const dataset = await read(rows);
  expect(found(dataset)).toEqual([]);
  expect(tokenizer.decode([...(dataset.rows[1]?.tokens ?? [])])).toBe('[user]q<|im_end|>[assistant]w<|im_end|>');
  expect(found(await read([pair('a', 'b'), { prompt: [], completion: 'b' }]))).toEqual([
    'error row-malformed train.jsonl:2',
  ]);
});

test('a file with a byte order mark, carriage returns and bytes that are no text', async () => {
  const bytes = new TextEncoder().encode('\ufeff{"text": "ab"}\r\n\r\n{"text": "ä"}\r\n');
  const spoilt = Uint8Array.of(...bytes, 0xff, 0x0a, ...new TextEncoder().encode('{"text": "last"}'));
  const dataset = await readRows(readLines(bytesSource(spoilt)), { tokenizer }, { name: 'a', contextMax: 9 });
  expect(found(dataset)).toEqual(['error line-not-utf8 a:4', 'warning line-empty a:2']);
  expect(dataset.rows.map(({ line, tokens }) => tokenizer.decode([...tokens]) + line)).toEqual([
    'ab<|eos|>1',
    'ä<|eos|>3',
    'last<|eos|>5',
  ]);
  expect((await read(['\ufeff{"text": "ab"}'])).report.errors).toBe(0);
  const long = await readRows(
    readLines(bytesSource(bytes), { lineBytesMax: 14 }),
    { tokenizer },
    { name: 'a', contextMax: 9 },
  );
  expect(long.report.errors).toBe(0);
  const longer = await readRows(
    readLines(bytesSource(bytes), { lineBytesMax: 12 }),
    { tokenizer },
    { name: 'a', contextMax: 9 },
  );
  expect(found(longer)).toContain('error line-too-long a:1');
});

test('many rows are rendered in few batches and keep their order', async () => {
  batches = 0;
  const rows = Array.from({ length: 700 }, (_, i) => ({
    messages: [
      { role: 'user', content: `${i}` },
      { role: 'assistant', content: 'yes' },
    ],
  }));
  const dataset = await read(rows);
  expect(batches).toBe(3);
  expect(dataset.rows.map(({ line }) => line)).toEqual(rows.map((_, i) => i + 1));
  expect(dataset.report).toMatchObject({ rows: 700, trainedTokens: 700 * 4, duplicates: 0 });
});

test('what takes the rows is waited for, and what it throws ends the reading', async () => {
  const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify({ text: `row ${i}` }));
  const options = { name: 'a', contextMax: 9 };
  let [taken, busy] = [0, false];
  await readDataset(lines, { tokenizer }, options, async (rows) => {
    expect(busy).toBe(false);
    busy = true;
    await new Promise((done) => setTimeout(done, 5));
    [taken, busy] = [taken + rows.length, false];
  });
  expect(taken).toBe(600);
  const full = (): Promise<void> => Promise.reject(new Error('the disk is full'));
  await expect(readDataset(lines, { tokenizer }, options, full)).rejects.toThrow('the disk is full');
});

test('a template that runs away ends the reading', async () => {
  const runaway = { ...template, renderAll: () => Promise.reject(new Error('too long')) };
  const lines = Array.from({ length: 600 }, () => JSON.stringify(chat('user', 'assistant')));
  await expect(readRows(lines, { tokenizer, template: runaway }, { name: 'a', contextMax: 9 })).rejects.toThrow(
    'too long',
  );
});
