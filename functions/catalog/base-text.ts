import type { ApiDeps } from '../http/api-deps.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { BaseRecord } from '../../shared/records/bases.ts';
import { readBlob } from '../../shared/records/read-blob.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import { chatTemplate } from '../../shared/text/chat-template.ts';
import type { ModelText } from '../../shared/text/text-cache.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';

/**
 * Runs `work` with the text side of a base of the catalog, which is kept for the next one where there is a place for it. Throws
 * `DomainError('no-tokenizer' | 'tokenizer-malformed')`.
 */
export async function withBaseText<T>(
  { world, texts }: Pick<ApiDeps, 'world' | 'texts'>,
  base: BaseRecord,
  work: (text: ModelText) => Promise<T>,
): Promise<T> {
  const files = names.flatMap((name) => base.files.find(({ path }) => path === name) ?? []);
  const open = (): Promise<ModelText> => openText(world, base.name, files);
  if (texts) {
    const key = [base.team, ...files.map(({ path, sha256 }) => `${path} ${sha256}`)].join('\n');
    return texts.use({ key, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), open }, work);
  }
  const text = await open();
  try {
    return await work(text);
  } finally {
    await text.template?.close();
  }
}

const names = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'] as const;

async function openText(
  world: Pick<ApiDeps['world'], 'blobs'>,
  base: string,
  files: readonly StoredFile[],
): Promise<ModelText> {
  const read = async (name: (typeof names)[number]): Promise<string | undefined> => {
    const file = files.find(({ path }) => path === name);
    if (!file) return undefined;
    if (file.sizeBytes > limits.jsonFileBytesMax)
      throw new DomainError('tokenizer-malformed', `${name} of the base "${base}" is too large to be read.`);
    return new TextDecoder().decode(await readBlob(world, file.blob));
  };
  const [tokenizerText, configText, jinjaFile] = [
    await read('tokenizer.json'),
    await read('tokenizer_config.json'),
    await read('chat_template.jinja'),
  ];
  if (tokenizerText === undefined)
    throw new DomainError('no-tokenizer', `The base "${base}" has no tokenizer.json: import one that has.`);
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
