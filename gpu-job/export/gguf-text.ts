import { join } from 'node:path';
import type { GgufMetadata } from '../../shared/formats/gguf-metadata-write.ts';
import { tokenizerToGguf } from '../../shared/formats/gguf-tokenizer-write.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { exists, readJsonFile, readTextFile } from '../folders/files.ts';

/** The tokenizer and chat template of a base folder as GGUF metadata. Throws `DomainError` with all findings. */
export async function readGgufText(folder: string, vocabSize: number): Promise<GgufMetadata> {
  const optional = async <T>(name: string, read: (path: string) => Promise<T>): Promise<T | undefined> =>
    (await exists(join(folder, name))) ? read(join(folder, name)) : undefined;
  const tokenizerConfig = await optional('tokenizer_config.json', readJsonFile);
  const tokenizerJson = await readJsonFile(join(folder, 'tokenizer.json'));
  const { addsBos } = loadTokenizer({ tokenizerJson, tokenizerConfig });
  const jinjaFile = await optional('chat_template.jinja', readTextFile);
  const configs = [await optional('generation_config.json', readJsonFile), await optional('config.json', readJsonFile)];
  return tokenizerToGguf({
    tokenizerJson,
    tokenizerConfig,
    chatTemplate: chatTemplateTexts({ tokenizerConfig, jinjaFile })?.template,
    addsBos,
    endIds: [...new Set(configs.flatMap(endIds))],
    vocabSize,
  });
}

/** `eos_token_id` of a config: a number or several. */
function endIds(config: unknown): number[] {
  const given = typeof config === 'object' && config !== null && 'eos_token_id' in config ? config.eos_token_id : [];
  return [given].flat().filter((id) => typeof id === 'number');
}
