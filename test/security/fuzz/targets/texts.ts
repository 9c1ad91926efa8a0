import { serverSentData } from '../../../../cli/server/event-stream.ts';
import { DomainError } from '../../../../shared/errors.ts';
import { bytesSource } from '../../../../shared/formats/bytes.ts';
import { readLines } from '../../../../shared/formats/jsonl.ts';
import { detectFormats, parseRow } from '../../../../shared/text/row-format.ts';
import { compileTemplate } from '../../../../shared/text/template-renderer.ts';
import { loadTokenizer } from '../../../../shared/text/tokenizer.ts';
import { byteTokenizer, sentencePieceTokenizer } from '../../../support/small-tokenizers.ts';
import { damageBytes } from '../damage-bytes.ts';
import { damageJson, jsonBytes, type Json } from '../damage-json.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

const rows: readonly Json[] = [
  { text: 'Plain é𝒳 text' },
  { prompt: 'a', completion: 'b' },
  { prompt: [{ role: 'user', content: 'hi' }], completion: [{ role: 'assistant', content: 'ho' }] },
  {
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'hö', weight: 1 },
    ],
    tools: [],
  },
  { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: {} } }] }] },
];

export const jsonLinesTarget: FuzzTarget = {
  name: 'json-lines',
  input(random) {
    const row = random.pick(rows);
    const lines = random.several(1, 4, () =>
      jsonBytes(random, random.chance(0.2) ? damageJson(random, row) : row, 0.03),
    );
    const end = random.pick(['\n', '\r\n']);
    const all = Buffer.concat(lines.flatMap((line, i) => (i === 0 ? [line] : [Buffer.from(end), line])));
    return new Uint8Array(random.chance(0.5) ? Buffer.concat([all, Buffer.from(end)]) : all);
  },
  read: (bytes) => readRows(bytes, (chunkBytes) => linesIn(bytes, chunkBytes)),
  planted: {
    fault: 'pieces that are decoded one by one',
    read: (bytes) =>
      readRows(bytes, async (chunkBytes) => {
        let text = '';
        for (let at = 0; at < bytes.length; at += chunkBytes)
          text += new TextDecoder().decode(bytes.subarray(at, at + chunkBytes));
        const lines = text.split(/\r?\n/);
        return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
      }),
  },
};

async function linesIn(bytes: Uint8Array, chunkBytes: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text, problem } of readLines(bytesSource(bytes), { chunkBytes })) lines.push(problem ?? text);
  return lines;
}

/** Whatever the pieces in which a file is read, its lines are the same. */
async function readRows(bytes: Uint8Array, inPieces: (chunkBytes: number) => Promise<string[]>): Promise<void> {
  const lines = await linesIn(bytes, 1 << 20);
  const others = await inPieces(7);
  if (lines.join('\n') !== others.join('\n')) throw new Unsound('lines depend on the pieces that they come in');
  for (const line of lines) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new DomainError('row', 'no JSON', { cause });
    }
    const [format] = detectFormats(value);
    if (!format) throw new DomainError('row', 'of no format');
    if ('notes' in parseRow(value, format)) throw new DomainError('row', 'refused');
  }
}

const tokenizers: readonly Json[] = [
  byteTokenizer({
    special: ['<s>', '</s>'],
    merges: [
      ['a', 'b'],
      ['ab', 'c'],
    ],
    bos: '<s>',
  }) as Json,
  sentencePieceTokenizer() as Json,
];

export const tokenizerTarget: FuzzTarget = {
  name: 'tokenizer',
  input(random) {
    let tokenizerJson: Json = random.pick(tokenizers);
    let tokenizerConfig: Json = { bos_token: '<s>', eos_token: { content: '</s>' }, add_bos_token: random.chance(0.5) };
    if (random.chance(0.7)) tokenizerJson = damageJson(random, tokenizerJson);
    if (random.chance(0.2)) tokenizerConfig = damageJson(random, tokenizerConfig);
    return jsonBytes(random, { tokenizerJson, tokenizerConfig }, 0);
  },
  read: (bytes) => useTokenizer(bytes),
  planted: {
    fault: 'added tokens that are always there',
    read(bytes) {
      const { tokenizerJson } = JSON.parse(new TextDecoder().decode(bytes)) as {
        tokenizerJson: { added_tokens: { content: string }[] };
      };
      for (const { content } of tokenizerJson.added_tokens) if (content.length > 1e6) return undefined;
      return useTokenizer(bytes);
    },
  },
};

function useTokenizer(bytes: Uint8Array): void {
  const files = JSON.parse(new TextDecoder().decode(bytes)) as { tokenizerJson: unknown; tokenizerConfig: unknown };
  const tokenizer = loadTokenizer(files);
  for (const text of ['abc', ' é𝒳\n', '<s>a</s>', '']) tokenizer.decode(tokenizer.encode(text));
  tokenizer.encodeAfter(0, 'abc');
}

const canary = `canary ${process.pid}`;
Object.assign(globalThis, { lorarySecret: canary });

export const chatTemplateTarget: FuzzTarget = {
  name: 'chat-template',
  input: (random) => new TextEncoder().encode(template(random)),
  read: (bytes) => render(bytes, (text) => compileTemplate(text, new Date(0))),
  planted: {
    fault: 'expressions that are run as JavaScript',
    read: (bytes) =>
      render(bytes, (text) => {
        const parts = text.split(/\{\{-?(.*?)-?\}\}/s);
        return (variables) =>
          parts
            .map((part, i) =>
              i % 2 === 0
                ? part
                : // oxlint-disable-next-line typescript/no-implied-eval -- the fault that is planted
                  String(new Function(...Object.keys(variables), `return (${part})`)(...Object.values(variables))),
            )
            .join('');
      }),
  },
};

type Compile = (template: string) => (variables: Readonly<Record<string, unknown>>) => string;

function render(bytes: Uint8Array, compile: Compile): void {
  let text: string;
  try {
    text = compile(new TextDecoder().decode(bytes))({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'ho' },
      ],
      bos_token: '<s>',
      add_generation_prompt: true,
    });
  } catch (cause) {
    throw new DomainError('template', 'refused', { cause }); // any error is the template's, as its thread has it
  }
  if (text.includes(canary)) throw new Unsound('the template has read what belongs to the program');
}

function template(random: FuzzRandom): string {
  const value = (): string =>
    random.pick([
      'bos_token', 'messages[0].role', 'messages[0]["content"]', 'message.content', 'loop.index', 'missing', 'missing.more', '"a" ~ 1',
      'messages | length', 'message.content | trim', '[1, 2, 3] | join(",")', 'range(3) | list', '1 / 0', '"x" * 3', 'none', 'true',
      '"".constructor.constructor("return globalThis.lorarySecret")()', 'messages.constructor.constructor("return lorarySecret")()',
      'range.constructor("return lorarySecret")()', '(1).toString.constructor("return lorarySecret")()', 'messages.__proto__', 'bos_token.split("")',
      'messages.map.constructor("return lorarySecret")()', 'raise_exception("no")', 'strftime_now("%Y")', 'messages | tojson', 'lorarySecret',
      '"a,b".split(",")[5]', 'messages[-1].role', 'messages[::-1]', 'message["__proto__"]', '{"a": 1}.a', '{"a": 1}["constructor"]',
    ]); // prettier-ignore
  const part = (depth: number): string => {
    switch (random.below(depth > 3 ? 3 : 6)) {
      case 0:
        return random.pick(['text', '\n  ', '{', '%}', '{#  note #}', 'é']);
      case 1:
      case 2:
        return `{{ ${value()} }}`;
      case 3:
        return `{% for message in ${random.pick(['messages', 'range(3)', 'bos_token', 'missing', '[[1, 2]]'])} %}${part(depth + 1)}{% endfor %}`;
      case 4:
        return `{% if ${value()} ${random.pick(['', '== 1', 'is defined', 'in messages', 'and true'])} %}${part(depth + 1)}{% endif %}`;
      default:
        return `{% set x = ${value()} %}{{ x }}${part(depth + 1)}`;
    }
  };
  const text = random.several(1, 4, () => part(0)).join('');
  return random.chance(0.15) ? text.slice(0, random.below(text.length + 1)) : text;
}

export const eventStreamTarget: FuzzTarget = {
  name: 'event-stream',
  input(random) {
    const events = random.several(
      1,
      4,
      (at) => `id: ${at}${random.pick(['\n', '\r\n'])}data: ${JSON.stringify({ at, text: 'é𝒳' })}\n\n`,
    );
    const bytes = new TextEncoder().encode(events.join(random.pick(['', ': beat\n\n'])));
    return random.chance(0.4) ? damageBytes(random, bytes) : bytes;
  },
  read: (bytes) => readEvents(bytes, (pieces) => dataOf(pieces)),
  planted: {
    fault: 'pieces that are taken for whole',
    read: (bytes) =>
      readEvents(bytes, async (pieces) => (await Promise.all(pieces.map((piece) => dataOf([piece])))).flat()),
  },
};

async function dataOf(pieces: readonly Uint8Array[]): Promise<string[]> {
  const data: string[] = [];
  for await (const text of serverSentData(pieces)) data.push(text);
  return data;
}

async function readEvents(
  bytes: Uint8Array,
  read: (pieces: readonly Uint8Array[]) => Promise<string[]>,
): Promise<void> {
  const whole = await dataOf([bytes]);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 5) }, (_, i) => bytes.subarray(5 * i, 5 * i + 5));
  if ((await read(pieces)).join('\n') !== whole.join('\n'))
    throw new Unsound('events depend on the pieces that they come in');
  for (const data of whole)
    try {
      JSON.parse(data);
    } catch (cause) {
      throw new DomainError('event', 'no JSON', { cause });
    }
}
