import { invariant, UnavailableError } from '../shared/errors.ts';
import { limits } from '../shared/limits.ts';
import type { GeneratorOrder, GeneratorReply } from '../shared/platform/generator-messages.ts';
import { failureOf } from '../shared/platform/job-failure.ts';
import type { Generation } from '../shared/platform/text-generator.ts';
import { createGenerator, type Generator } from './generation/generator.ts';
import { warmModels, type Warm } from './generation/warm-models.ts';
import { continuePrompts, encodePrompts } from './jobs/continue-prompts.ts';
import { openModel, type OpenModel } from './jobs/open-model.ts';

/** A model with its compiled graph. */
interface WarmModel extends Warm {
  readonly open: OpenModel;
  readonly generator: Generator;
}

const models = warmModels<WarmModel>(limits.warmModelsMax, limits.warmModelBytesMax);

async function generate(order: GeneratorOrder): Promise<Generation> {
  const startedAt = performance.now();
  const { base, adapter, sizeBytes, milliseconds } = order;
  const overdue = (): boolean => performance.now() - startedAt > milliseconds;
  const { open, generator } = await models.use(`${base.id} ${adapter?.id ?? ''}`, sizeBytes, () => openWarm(order));
  const prompts = await encodePrompts(order.prompts, open.text, open.model.spec.maxPositions);
  const context = { emit: () => undefined, stopRequested: overdue };
  try {
    const texts = await continuePrompts(open, generator, prompts, order, context);
    return { texts, seconds: (performance.now() - startedAt) / 1000 };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    throw new UnavailableError(`${error.message} It took longer than ${milliseconds / 1000} s: ask for fewer tokens.`);
  }
}

async function openWarm({ base, adapter, sizeBytes }: GeneratorOrder): Promise<WarmModel> {
  const open = await openModel({ base: base.folder, adapter: adapter?.folder });
  try {
    const generator = await createGenerator(open.model);
    const close = async (): Promise<void> => {
      await generator.close();
      await open.text.close();
    };
    return { open, generator, sizeBytes, close };
  } catch (error) {
    await open.text.close();
    throw error;
  }
}

// one at a time: every operator keeps all cores busy
let turn: Promise<void> = Promise.resolve();
const send = process.send?.bind(process);
invariant(send, 'this file runs as a child process with a channel to its parent');
const answer = async (order: GeneratorOrder): Promise<void> => {
  try {
    send({ type: 'done', generation: await generate(order) } satisfies GeneratorReply);
  } catch (error) {
    send({ type: 'failed', failure: failureOf(error) } satisfies GeneratorReply);
  }
};
process.on('message', (order: GeneratorOrder) => {
  turn = turn.then(() => answer(order));
});
// whoever started it is gone
process.on('disconnect', () => process.exit());
