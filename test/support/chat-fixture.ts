import {
  chatTemplate,
  type ChatMessage,
  type ChatTemplate,
  type RenderAnswer,
} from '../../shared/text/chat-template.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import { encodeRows, type EncodedParts } from '../../shared/text/encode-row.ts';
import { loadTokenizer, type TextTokenizer } from '../../shared/text/tokenizer.ts';
import { trainedRuns } from '../../shared/text/trained-runs.ts';
import { readFixtureJson } from '../parity/fixture.ts';

type Recorded = { readonly text: string; readonly ids: number[] } | { readonly error: string };

/** What `test/parity/record-chat.py` recorded of one model family. */
export interface ChatFixture {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly conversations: readonly {
    readonly name: string;
    readonly messages: ChatMessage[];
    readonly tools?: unknown[];
    /** Rendered without and with the generation prompt. */
    readonly whole: Recorded;
    readonly asked: Recorded;
  }[];
  readonly texts: readonly { readonly text: string; readonly ids: number[]; readonly back: string }[];
}

export interface ChatFamily extends ChatFixture {
  readonly tokenizer: TextTokenizer;
  readonly template: ChatTemplate;
  encode(messages: readonly ChatMessage[], tools?: readonly unknown[]): Promise<EncodedParts>;
  /** Each part of the encoded conversation as text, trained runs in double angle brackets. */
  marked(messages: readonly ChatMessage[], tools?: readonly unknown[]): Promise<string[]>;
}

export const families = [
  'llama3',
  'llama3_2',
  'qwen2_5',
  'qwen3',
  'mistral_nemo',
  'gemma3',
  'phi3_5',
  'smollm2',
  'smollm3',
] as const;

/** A family's real template, and what is kept of its real tokenizer, ready to use. */
export async function openChatFamily(family: (typeof families)[number]): Promise<ChatFamily> {
  const fixture = await readFixtureJson<ChatFixture>('chat', `${family}.json`);
  const tokenizer = loadTokenizer(fixture);
  const texts = chatTemplateTexts(fixture);
  if (!texts) throw new Error(`${family} has no template`);
  const template = chatTemplate(texts, { bosToken: tokenizer.bos?.text, eosToken: tokenizer.eos?.text });
  const encode: ChatFamily['encode'] = async (messages, tools) => {
    const row = { format: 'messages', messages, ...(tools ? { tools } : {}) } as const;
    const [parts] = await encodeRows({ tokenizer, template }, [{ line: 1, row }]);
    if (!parts) throw new Error('one row gives one answer');
    return parts;
  };
  return {
    ...fixture,
    tokenizer,
    template,
    encode,
    async marked(messages, tools) {
      const { parts } = await encode(messages, tools);
      return parts.map((part) =>
        trainedRuns(tokenizer, part)
          .map(({ text, trained }) => (trained ? `⟪${text}⟫` : text))
          .join(''),
      );
    },
  };
}

export const isText = (given: Recorded | RenderAnswer): given is Extract<typeof given, { text: string }> =>
  'text' in given;
