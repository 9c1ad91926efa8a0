/**
 * The thread that renders chat templates. A template is code from outside: here it can neither hold up the program nor fill its
 * memory, because the program ends this thread when it takes too long or grows too large.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../errors.ts';
import type { RenderAnswer, RenderRequest, TemplateSettings } from './template-messages.ts';
import { compileTemplate } from './template-renderer.ts';

const { settings } = workerData as { settings: TemplateSettings }; // set by template-thread.ts
const progress = new Int32Array(settings.progress);
const port = parentPort;
invariant(port, 'template-worker runs as a worker');

const templates = new Map<string, ReturnType<typeof compileTemplate>>();

port.on('message', (requests: readonly RenderRequest[]) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  port.postMessage(requests.map(render));
});
Atomics.add(progress, 0, 1);

function render({ messages, addGenerationPrompt, tools }: RenderRequest): RenderAnswer {
  Atomics.add(progress, 0, 1);
  try {
    const template = tools ? (settings.toolTemplate ?? settings.template) : settings.template;
    const compiled = templates.get(template) ?? compileTemplate(template, new Date(settings.nowMilliseconds));
    templates.set(template, compiled);
    const text = compiled({
      ...settings.tokens,
      messages,
      tools: tools ?? null,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
    });
    if (text.length > settings.outputCharsMax)
      return { error: `it gives ${text.length} characters; at most ${settings.outputCharsMax} are taken` };
    return { text };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
