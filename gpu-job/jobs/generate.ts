import type { GenerateReport } from '../../shared/contract/reports.ts';
import type { GenerateSpec } from '../../shared/contract/specs/generate.ts';
import { refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { writeFileAtomic } from '../folders/files.ts';
import { createGenerator } from '../generation/generator.ts';
import { randomStream } from '../training/random.ts';
import type { BaseText, EncodedPrompt } from './base-text.ts';
import { generateText } from './generate-text.ts';
import type { JobContext } from './job-context.ts';
import { openModel } from './open-model.ts';

/** Continues every prompt, telling the text as it grows. The same seed gives the same texts, whichever other prompts there are. */
export async function runGenerate(spec: GenerateSpec, context: JobContext): Promise<GenerateReport> {
  const startedAt = context.now();
  const { model, text, parameters, warnings } = await openModel(spec);
  try {
    const prompts = await encodePrompts(spec, text, model.spec.maxPositions);
    for (const finding of warnings) context.emit({ type: 'finding', finding });
    const generator = await createGenerator(model, spec.threads === undefined ? {} : { threads: spec.threads });
    try {
      const texts: GenerateReport['texts'][number][] = [];
      for (const [index, prompt] of prompts.entries()) {
        const { end, ...generated } = await generateText(generator, text, parameters, {
          ...spec,
          promptIds: prompt.ids,
          random: randomStream(spec.seed, 'sample', 0, index),
          onPiece: (piece) => context.emit({ type: 'text', prompt: index, piece }),
          stopRequested: () => context.stopRequested(),
        });
        if (end === 'interrupted')
          throw new UnavailableError(`Stopped after ${texts.length} of ${prompts.length} prompts.`);
        texts.push({ prompt: prompt.text, ...generated, end });
        context.emit({ type: 'progress', stage: 'generate', done: index + 1, total: prompts.length, unit: 'prompts' });
      }
      const report: GenerateReport = {
        kind: 'generate',
        base: spec.base,
        adapter: spec.adapter ?? null,
        texts,
        seconds: (context.now() - startedAt) / 1000,
        warnings,
      };
      if (spec.output !== undefined) await writeFileAtomic(spec.output, `${JSON.stringify(report, undefined, 2)}\n`);
      return report;
    } finally {
      await generator.close();
    }
  } finally {
    await text.close();
  }
}

async function encodePrompts(spec: GenerateSpec, text: BaseText, contextMax: number): Promise<EncodedPrompt[]> {
  const findings: Finding[] = [];
  const prompts: EncodedPrompt[] = [];
  for (const [i, prompt] of spec.prompts.entries()) {
    const where = `prompts[${i}]`;
    const encoded = await collectFindings(findings, where, () => text.encodePrompt(prompt));
    if (!encoded) continue;
    prompts.push(encoded);
    if (encoded.ids.length > 0 && encoded.ids.length < contextMax) continue;
    const message = `has ${encoded.ids.length} tokens; it must have at least one and leave room in a context of ${contextMax}`;
    findings.push({ severity: 'error', code: 'prompt-length', where, message });
  }
  refuseErrors('prompts', 'These prompts cannot be continued:', findings);
  return prompts;
}
