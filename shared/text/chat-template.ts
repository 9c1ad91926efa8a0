import { Worker } from 'node:worker_threads';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { RenderAnswer, RenderBatch, TemplateSettings } from './template-messages.ts';

/** One turn of a conversation. Templates may read further keys. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

export interface RenderRequest {
  readonly messages: readonly ChatMessage[];
  /** Whether the text ends where the assistant begins to speak. */
  readonly addGenerationPrompt: boolean;
  readonly tools?: readonly unknown[];
}

/** A model's chat template: conversations to the text that the model was trained on. */
export interface ChatTemplate {
  /** Throws `DomainError('template-failed')` with the template's own message when it refuses the conversation. */
  render(request: RenderRequest): Promise<string>;
  /** Renders many; a refused conversation gives its reason instead of a text. */
  renderAll(requests: readonly RenderRequest[]): Promise<readonly RenderAnswer[]>;
  close(): Promise<void>;
}

export interface ChatTemplateOptions {
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  /** Milliseconds for one batch of renders; the default is `limits.templateMilliseconds`. */
  readonly timeoutMilliseconds?: number;
}

/** The date that Llama 3.1's template prints where no clock is given; any day would do, as long as it is always the same. */
const today = '2024-07-26T00:00:00';

/** Renders of one message to the thread: enough that passing them costs nothing, few enough for the time limit to mean something. */
const batchSize = 256;

/**
 * Starts the thread of a template (on first use) and keeps it. A batch that takes too long or too much memory ends the thread and
 * throws `DomainError('template-runaway')`; the next call starts a fresh one.
 */
export function chatTemplate(template: string, options: ChatTemplateOptions = {}): ChatTemplate {
  if (template.length > limits.templateCharsMax)
    throw new DomainError(
      'template-too-large',
      `The chat template has ${template.length} characters; at most ${limits.templateCharsMax} are read.`,
    );
  const settings = { template, outputCharsMax: limits.templateOutputCharsMax, today };
  const timeoutMilliseconds = options.timeoutMilliseconds ?? limits.templateMilliseconds;
  let worker: Worker | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const renderBatch = async (requests: readonly RenderRequest[]): Promise<readonly RenderAnswer[]> => {
    worker ??= startWorker(settings);
    const contexts = requests.map(({ messages, addGenerationPrompt, tools }) => ({
      messages,
      add_generation_prompt: addGenerationPrompt,
      bos_token: options.bosToken ?? '',
      eos_token: options.eosToken ?? '',
      ...(tools ? { tools } : {}),
    }));
    worker.ref();
    try {
      const answers = await ask(worker, { contexts }, timeoutMilliseconds);
      worker.unref(); // an idle template keeps no program alive
      return answers;
    } catch (error) {
      await worker.terminate();
      worker = undefined;
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
      await worker?.terminate();
      worker = undefined;
    },
  };
}

function startWorker(settings: TemplateSettings): Worker {
  const worker = new Worker(new URL('../platform/start-thread.mjs', import.meta.url), {
    workerData: { entry: new URL('./template-worker.ts', import.meta.url).href, settings },
    resourceLimits: { maxOldGenerationSizeMb: limits.templateMemoryMb },
  });
  worker.unref();
  return worker;
}

function ask(worker: Worker, batch: RenderBatch, timeoutMilliseconds: number): Promise<readonly RenderAnswer[]> {
  const runaway = (what: string): DomainError =>
    new DomainError('template-runaway', `The chat template ${what} and was ended; the template is faulty.`);
  return new Promise((resolve, reject) => {
    // not unref'd: while an answer is awaited, the program waits
    const timer = setTimeout(
      () => finish(() => reject(runaway(`ran for more than ${timeoutMilliseconds / 1000} seconds`))),
      timeoutMilliseconds,
    );
    const onAnswer = (answers: readonly RenderAnswer[]): void => finish(() => resolve(answers));
    const onError = (error: Error & { code?: string }): void =>
      finish(() => reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? runaway('used too much memory') : error));
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      worker.off('message', onAnswer);
      worker.off('error', onError);
      settle();
    };
    worker.once('message', onAnswer);
    worker.once('error', onError);
    worker.postMessage(batch);
  });
}
