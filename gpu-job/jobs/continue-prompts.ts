import type { GenerateReport } from '../../shared/contract/reports.ts';
import type { Prompt } from '../../shared/contract/specs/spec-fields.ts';
import { refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import type { Generator } from '../generation/generator.ts';
import type { Sampling } from '../generation/sampling.ts';
import { randomStream } from '../training/random.ts';
import type { BaseText, EncodedPrompt } from './base-text.ts';
import { generateText } from './generate-text.ts';
import type { JobContext } from './job-context.ts';
import type { OpenModel } from './open-model.ts';

export interface ContinueRequest extends Sampling {
  readonly maxNewTokens: number;
  readonly seed: number;
}

/**
 * Continues every prompt, telling the text as it grows. The same seed gives the same texts, whichever other prompts there are. Throws
 * `UnavailableError` when it is asked to stop.
 */
export async function continuePrompts(
  { text, parameters }: Pick<OpenModel, 'text' | 'parameters'>,
  generator: Generator,
  prompts: readonly EncodedPrompt[],
  request: ContinueRequest,
  context: Pick<JobContext, 'emit' | 'stopRequested'>,
): Promise<GenerateReport['texts']> {
  const texts: GenerateReport['texts'][number][] = [];
  for (const [index, prompt] of prompts.entries()) {
    const { end, ...generated } = await generateText(generator, text, parameters, {
      ...request,
      promptIds: prompt.ids,
      random: randomStream(request.seed, 'sample', 0, index),
      onPiece: (piece) => context.emit({ type: 'text', prompt: index, piece }),
      stopRequested: () => context.stopRequested(),
    });
    if (end === 'interrupted')
      throw new UnavailableError(`Stopped after ${texts.length} of ${prompts.length} prompts.`);
    texts.push({ prompt: prompt.text, ...generated, end });
    context.emit({ type: 'progress', stage: 'generate', done: index + 1, total: prompts.length, unit: 'prompts' });
  }
  return texts;
}

/** Throws `DomainError('prompts')` with everything wrong with any of them. */
export async function encodePrompts(
  prompts: readonly Prompt[],
  text: Pick<BaseText, 'encodePrompt'>,
  contextMax: number,
): Promise<EncodedPrompt[]> {
  const findings: Finding[] = [];
  const encodedPrompts: EncodedPrompt[] = [];
  for (const [i, prompt] of prompts.entries()) {
    const where = `prompts[${i}]`;
    const encoded = await collectFindings(findings, where, () => text.encodePrompt(prompt));
    if (!encoded) continue;
    encodedPrompts.push(encoded);
    if (encoded.ids.length > 0 && encoded.ids.length < contextMax) continue;
    const message = `has ${encoded.ids.length} tokens; it must have at least one and leave room in a context of ${contextMax}`;
    findings.push({ severity: 'error', code: 'prompt-length', where, message });
  }
  refuseErrors('prompts', 'These prompts cannot be continued:', findings);
  return encodedPrompts;
}
