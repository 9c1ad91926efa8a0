import type { GenerateReport } from '../../shared/contract/reports.ts';
import type { GenerateSpec } from '../../shared/contract/specs/generate.ts';
import { writeFileAtomic } from '../folders/files.ts';
import { createGenerator } from '../generation/generator.ts';
import { continuePrompts, encodePrompts } from './continue-prompts.ts';
import type { JobContext } from './job-context.ts';
import { openModel } from './open-model.ts';
import { inferenceOptions } from './step-options.ts';

/** Continues every prompt of a spec with the model that it names. */
export async function runGenerate(spec: GenerateSpec, context: JobContext): Promise<GenerateReport> {
  const startedAt = context.now();
  const open = await openModel(spec);
  try {
    const prompts = await encodePrompts(spec.prompts, open.text, open.model.spec.maxPositions);
    for (const finding of open.warnings) context.emit({ type: 'finding', finding });
    const generator = await createGenerator(open.model, await inferenceOptions(spec));
    try {
      const report: GenerateReport = {
        kind: 'generate',
        base: spec.base,
        adapter: spec.adapter ?? null,
        texts: await continuePrompts(open, generator, prompts, spec, context),
        seconds: (context.now() - startedAt) / 1000,
        warnings: open.warnings,
      };
      if (spec.output !== undefined) await writeFileAtomic(spec.output, `${JSON.stringify(report, undefined, 2)}\n`);
      return report;
    } finally {
      await generator.close();
    }
  } finally {
    await open.text.close();
  }
}
