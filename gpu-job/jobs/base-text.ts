import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openRowFiles, type RowFiles } from '../../shared/files/row-files.ts';
import type { Prompt } from '../../shared/contract/specs/spec-fields.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import { chatTemplate, type ChatTemplate } from '../../shared/text/chat-template.ts';
import { readDataset, type DatasetOptions, type DatasetReading, type TakeRows } from '../../shared/text/dataset.ts';
import { encodePrompt, stopTokens } from '../../shared/text/encode-prompt.ts';
import { rowKeys } from '../../shared/text/row-format.ts';
import { loadTokenizer, type TextTokenizer } from '../../shared/text/tokenizer.ts';
import { exists, readJsonFile, readTextFile } from '../folders/files.ts';

/** A prompt as the model gets it. */
export interface EncodedPrompt {
  /** For people: the prompt, or the last message. */
  readonly text: string;
  readonly ids: readonly number[];
}

type RowOptions = Omit<DatasetOptions, 'name' | 'placeOf'>;

/** The text side of a base model folder: its tokenizer, its chat template, the tokens at which it stops. */
export interface BaseText {
  readonly tokenizer: TextTokenizer;
  /** Undefined where the base has none. */
  readonly template: ChatTemplate | undefined;
  /** Tokens after which a text is over. */
  readonly stopIds: readonly number[];
  /** SHA-256 of all that decides how a text becomes tokens. */
  readonly sha256: string;
  /** Reads rows and hands them to `take`; all that is wrong in them is among the findings. Throws `DomainError` where there is no file. */
  readRows(files: RowFiles, options: RowOptions, take: TakeRows): Promise<DatasetReading>;
  /** The same of texts that are trained whole. */
  readTexts(texts: readonly string[], options: RowOptions, take: TakeRows): Promise<DatasetReading>;
  encodePrompt(prompt: Prompt): Promise<EncodedPrompt>;
  close(): Promise<void>;
}

/** A file of rows, or a folder of them. Throws `DomainError` where there is nothing. */
export const openRows = (path: string): Promise<RowFiles> => openRowFiles(path, rowKeys);

/** Opens `tokenizer.json`, `tokenizer_config.json` and the chat template of a base. */
export async function openBaseText(folder: string): Promise<BaseText> {
  const optional = async <T>(name: string, read: (path: string) => Promise<T>): Promise<T | undefined> =>
    (await exists(join(folder, name))) ? read(join(folder, name)) : undefined;
  const tokenizerConfig = await optional('tokenizer_config.json', readJsonFile);
  const tokenizerJson = await readJsonFile(join(folder, 'tokenizer.json'));
  const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig });
  const jinjaFile = await optional('chat_template.jinja', readTextFile);
  const texts = chatTemplateTexts({ tokenizerConfig, jinjaFile });
  const tokens = { bosToken: tokenizer.bos?.text, eosToken: tokenizer.eos?.text };
  const encoder = { tokenizer, template: texts && chatTemplate(texts, tokens) };
  const configs = [await optional('generation_config.json', readJsonFile), await optional('config.json', readJsonFile)];
  return {
    ...encoder,
    stopIds: [...new Set([...(await stopTokens(encoder)), ...configs.flatMap(endIds)])],
    sha256: createHash('sha256')
      .update(JSON.stringify([tokenizerJson, tokenizerConfig, texts]))
      .digest('hex'),
    readRows: (files, options, take) =>
      readDataset(
        files.lines(),
        encoder,
        { ...options, name: files.name, placeOf: (line) => files.placeOf(line) },
        take,
      ),
    readTexts: (plain, options, take) =>
      readDataset(
        plain.map((text) => JSON.stringify({ text })),
        encoder,
        { ...options, name: 'texts' },
        take,
      ),
    async encodePrompt(prompt) {
      const text = 'prompt' in prompt ? prompt.prompt : (prompt.messages.at(-1)?.content ?? '');
      return { text, ids: await encodePrompt(encoder, prompt) };
    },
    close: async () => encoder.template?.close(),
  };
}

/** `eos_token_id` of a config: a number or several. */
function endIds(config: unknown): number[] {
  const given = typeof config === 'object' && config !== null && 'eos_token_id' in config ? config.eos_token_id : [];
  return [given].flat().filter((id) => typeof id === 'number');
}
