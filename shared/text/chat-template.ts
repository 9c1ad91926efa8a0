import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ChatTemplateTexts } from './chat-template-texts.ts';
import type { RenderAnswer, RenderRequest } from './template-messages.ts';
import { startTemplateThread, type TemplateThread } from './template-thread.ts';

export type { ChatMessage, RenderAnswer, RenderRequest } from './template-messages.ts';

/** A model's chat template: conversations to the text that the model was trained on. */
export interface ChatTemplate {
  /** Throws `DomainError('template-failed')` with the template's own message when it refuses the conversation. */
  render(request: RenderRequest): Promise<string>;
  /**
   * Renders many at once, which is how it is quick; a refused conversation gives its reason instead of a text. Throws
   * `DomainError('template-runaway')` when one of them takes too long or too much memory.
   */
  renderAll(requests: readonly RenderRequest[]): Promise<readonly RenderAnswer[]>;
  /** Ends the thread; the next use would start another. */
  close(): Promise<void>;
}

export interface ChatTemplateOptions {
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  /** What `strftime_now` takes for now; default 26 July 2024, so that the same rows give the same tokens on any day. */
  readonly now?: Date | undefined;
  /** Time for one rendering; default `limits.templateRenderMillisecondsMax`. */
  readonly renderMilliseconds?: number;
  /** Memory of the thread; default `limits.templateMemoryMegabytesMax`. */
  readonly memoryMegabytes?: number;
  /** Length of one rendering; default `limits.templateOutputCharsMax`. */
  readonly outputCharsMax?: number;
}

/** The date that Llama 3's templates print where there is no clock; any would do, as long as it stays the same. */
const someDay = Date.UTC(2024, 6, 26);

/** Renderings of one message to the thread: enough that passing them costs nothing beside rendering. */
const batchSize = 256;

/**
 * A template that is rendered in a thread of its own, because it is code from outside. The thread starts at the first use and stays;
 * one that runs away is ended and replaced. Throws `DomainError('template-too-large')`.
 */
export function chatTemplate(texts: string | ChatTemplateTexts, options: ChatTemplateOptions = {}): ChatTemplate {
  const { template, toolTemplate } = typeof texts === 'string' ? { template: texts, toolTemplate: undefined } : texts;
  for (const { length } of [template, toolTemplate ?? ''])
    if (length > limits.templateCharsMax)
      throw new DomainError(
        'template-too-large',
        `The chat template has ${length} characters; at most ${limits.templateCharsMax} are read.`,
      );
  const settings = {
    template,
    toolTemplate,
    tokens: {
      // a token that a model does not have is undefined in its template, and prints nothing
      ...(options.bosToken === undefined ? {} : { bos_token: options.bosToken }),
      ...(options.eosToken === undefined ? {} : { eos_token: options.eosToken }),
    },
    outputCharsMax: options.outputCharsMax ?? limits.templateOutputCharsMax,
    nowMilliseconds: options.now?.getTime() ?? someDay,
  };
  const bounds = {
    renderMilliseconds: options.renderMilliseconds ?? limits.templateRenderMillisecondsMax,
    memoryMegabytes: options.memoryMegabytes ?? limits.templateMemoryMegabytesMax,
  };
  let thread: TemplateThread | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const renderBatch = async (requests: readonly RenderRequest[]): Promise<readonly RenderAnswer[]> => {
    if (!thread || thread.dead()) thread = startTemplateThread(settings, bounds);
    try {
      return await thread.ask(requests);
    } catch (error) {
      await thread.end();
      thread = undefined;
      throw error;
    }
  };

  const renderAll: ChatTemplate['renderAll'] = (requests) => {
    const answered = queue.then(async () => {
      const answers: RenderAnswer[] = [];
      for (let i = 0; i < requests.length; i += batchSize)
        answers.push(...(await renderBatch(requests.slice(i, i + batchSize))));
      return answers;
    });
    queue = answered.catch(() => undefined); // one caller's failure is not the next one's
    return answered;
  };

  return {
    renderAll,
    async render(request) {
      const [answer] = await renderAll([request]);
      if (answer && 'text' in answer) return answer.text;
      throw new DomainError('template-failed', `The chat template refuses this conversation: ${answer?.error ?? ''}`);
    },
    async close() {
      await queue;
      await thread?.end();
      thread = undefined;
    },
  };
}
