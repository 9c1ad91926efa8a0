import type { MergeReport } from './merge-report.ts';

/** The model card of a merged model. */
export function mergeCard(report: MergeReport): string {
  const { base, adapter, dtype, check, summary } = report;
  const origin = adapter.base_model_name_or_path ?? base.name;
  const percent = check.roundingError === null ? 'none' : `${(100 * check.roundingError).toPrecision(3)}%`;
  return [
    '---',
    `base_model: ${JSON.stringify(origin)}`,
    'library_name: transformers',
    'tags:',
    '  - lora',
    '  - merged',
    '---',
    '',
    '# Merged model',
    '',
    `The LoRA adapter \`${adapter.name}\` (r ${adapter.r}, lora_alpha ${adapter.lora_alpha}) merged into \`${base.name}\`: W + scaling * B @ A, ${summary}, element type ${dtype}.`,
    '',
    `Every written tensor was read back and checked: ${check.updated} updated, ${check.converted} converted, ${check.copied} copied byte for byte. Rounding changed the update by ${percent}.`,
    ...report.warnings.map(({ message }) => `\nNote: ${message}`),
    '',
    'Digests of all inputs and outputs and the figures of each tensor stand in `merge.json`.',
    '',
  ].join('\n');
}
