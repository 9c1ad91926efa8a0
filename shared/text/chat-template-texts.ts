import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { checkValue } from '../check-value.ts';

/** A model's chat templates, in Jinja. */
export interface ChatTemplateTexts {
  readonly template: string;
  /** For conversations with tools, where the model has one of its own for them. */
  readonly toolTemplate: string | undefined;
}

/**
 * Finds the chat template of a model: the text of its `chat_template.jinja`, else `chat_template` of `tokenizer_config.json`, which
 * is one template or a list of named ones (`default` and `tool_use`). Undefined when there is none: a base for plain text.
 */
export function chatTemplateTexts(files: {
  readonly tokenizerConfig: unknown;
  readonly jinjaFile?: string | undefined;
}): ChatTemplateTexts | undefined {
  if (files.jinjaFile !== undefined) return { template: files.jinjaFile, toolTemplate: undefined };
  const parsed = checkValue(schema, files.tokenizerConfig ?? {});
  if (!parsed.success)
    throw new DomainError(
      'tokenizer-malformed',
      'tokenizer_config.json: chat_template is neither a text nor a list of named texts.',
    );
  const given = parsed.data.chat_template;
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'string') return { template: given, toolTemplate: undefined };
  const named = new Map(given.map(({ name, template }) => [name, template]));
  const template = named.get('default') ?? (named.size === 1 ? given[0]?.template : undefined);
  if (template === undefined)
    throw new DomainError(
      'tokenizer-malformed',
      `tokenizer_config.json: none of its chat templates (${[...named.keys()].join(', ')}) is named "default".`,
    );
  return { template, toolTemplate: named.get('tool_use') };
}

const schema = z.looseObject({
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
});
