/**
 * The thread that renders chat templates. A template is code from outside: here it can neither hold up the program nor fill its
 * memory, because the thread that started this one ends it when it takes too long or grows too large.
 */
import { Template } from '@huggingface/jinja';
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../errors.ts';
import type { RenderAnswer, RenderBatch, TemplateSettings } from './template-messages.ts';

const { template, outputCharsMax, today } = (workerData as { settings: TemplateSettings }).settings; // set by the file that starts us
const port = parentPort;
invariant(port, 'this file runs as a worker');

// templates may print the date; a fixed one makes the same rows give the same tokens on any day
const fixed = Date.parse(today);
globalThis.Date = class extends Date {
  constructor(...values: unknown[]) {
    super(...((values.length === 0 ? [fixed] : values) as [number])); // any overload of Date
  }
} as DateConstructor; // the static parts are inherited

let compiled: Template | undefined;

port.on('message', ({ contexts }: RenderBatch) => {
  port.postMessage(contexts.map(render) satisfies RenderAnswer[]);
});

function render(context: Readonly<Record<string, unknown>>): RenderAnswer {
  try {
    compiled ??= new Template(template);
    const text = compiled.render(context);
    if (text.length > outputCharsMax)
      return { error: `it printed ${text.length} characters; at most ${outputCharsMax} are taken` };
    return { text };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
