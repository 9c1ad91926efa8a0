import type { World } from '../../shared/platform/ports.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { BaseRecord } from '../../shared/records/bases.ts';
import { readBlob } from '../../shared/records/read-blob.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import { chatTemplate, type ChatTemplate } from '../../shared/text/chat-template.ts';
import { loadTokenizer, type TextTokenizer } from '../../shared/text/tokenizer.ts';

/** The text side of a base of the catalog: its tokenizer and its chat template. The caller closes the template. */
export interface BaseText {
  readonly tokenizer: TextTokenizer;
  readonly template: ChatTemplate | undefined;
}

/** Reads `tokenizer.json`, `tokenizer_config.json` and the chat template. Throws `DomainError('no-tokenizer' | 'tokenizer-malformed')`. */
export async function openBaseText(world: Pick<World, 'blobs'>, base: BaseRecord): Promise<BaseText> {
  const read = async (name: string): Promise<string | undefined> => {
    const file = base.files.find(({ path }) => path === name);
    if (!file) return undefined;
    if (file.sizeBytes > limits.jsonFileBytesMax)
      throw new DomainError('tokenizer-malformed', `${name} of the base "${base.name}" is too large to be read.`);
    return new TextDecoder().decode(await readBlob(world, file.blob));
  };
  const [tokenizerText, configText, jinjaFile] = [
    await read('tokenizer.json'),
    await read('tokenizer_config.json'),
    await read('chat_template.jinja'),
  ];
  if (tokenizerText === undefined)
    throw new DomainError('no-tokenizer', `The base "${base.name}" has no tokenizer.json: import one that has.`);
  const tokenizerConfig = configText === undefined ? undefined : parse('tokenizer_config.json', configText);
  const tokenizer = loadTokenizer({ tokenizerJson: parse('tokenizer.json', tokenizerText), tokenizerConfig });
  const texts = chatTemplateTexts({ tokenizerConfig, jinjaFile });
  const tokens = { bosToken: tokenizer.bos?.text, eosToken: tokenizer.eos?.text };
  return { tokenizer, template: texts && chatTemplate(texts, tokens) };
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DomainError('tokenizer-malformed', `${name} of the base is not valid JSON.`, { cause: error });
  }
}
