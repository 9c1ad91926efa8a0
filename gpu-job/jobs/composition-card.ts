import type { CompositionReport } from './composition-report.ts';

/** The model card of a composite: what it was made of and how far it is from the weighted sum. */
export function compositionCard(report: CompositionReport): string {
  const base = report.members.find((member) => member.base_model_name_or_path !== null)?.base_model_name_or_path;
  const front = [
    '---',
    ...(base ? [`base_model: ${JSON.stringify(base)}`] : []),
    'library_name: peft',
    'tags:',
    '  - lora',
    '  - composition',
    '---',
  ];
  const rows = report.members.map(
    ({ name, weight, r, lora_alpha, modules }) => `| ${cell(name)} | ${weight} | ${r} | ${lora_alpha} | ${modules} |`,
  );
  const { result, type, mode, distance } = report;
  return [
    ...front,
    '',
    '# Composed LoRA adapter',
    '',
    `${report.members.length} adapter${report.members.length === 1 ? '' : 's'} composed by \`${type}\`, mode \`${mode}\`${report.peftRelease ? ` (PEFT ${report.peftRelease})` : ''}.`,
    '',
    '| member | weight | r | lora_alpha | modules |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `- Modules: ${result.modules}; parameters: ${result.parameters}; largest rank: ${result.r}; scaling 1 in every module.`,
    `- Distance from the weighted sum of the updates (relative, Frobenius norm): ${distance === null ? 'undefined, the sum is zero' : distance.toExponential(2)}.`,
    ...report.warnings.map(({ message, where }) => `- Note${where ? ` on ${cell(where)}` : ''}: ${message}`),
    '',
    'Digests of the members and of the result, and the distance of each module, stand in `composition.json`.',
    '',
  ].join('\n');
}

/** A folder's name may hold what Markdown would read as a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
