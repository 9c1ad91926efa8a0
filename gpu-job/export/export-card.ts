import type { ExportFormat } from '../../shared/contract/specs/export.ts';
import type { Finding } from '../../shared/errors.ts';

/** What a card says of an export. */
export interface ExportCard {
  readonly format: ExportFormat;
  readonly main: string;
  readonly dtype: string;
  readonly base: string | null;
  readonly adapter: string | null;
  /** The name of the base that the adapter's config gives. */
  readonly baseName: string | null;
  readonly warnings: readonly Finding[];
}

/** The model card of an export: where it comes from and how it is used. */
export function exportCard(card: ExportCard): string {
  const { format, base, baseName, warnings } = card;
  const origin = baseName ?? base;
  return [
    '---',
    ...(origin === null ? [] : [`base_model: ${JSON.stringify(origin)}`]),
    `library_name: ${format.endsWith('gguf') ? 'gguf' : 'peft'}`,
    'tags:',
    ...(card.adapter === null ? [] : ['  - lora']),
    `  - ${format.endsWith('gguf') ? 'gguf' : 'peft'}`,
    '---',
    '',
    `# ${titles[format]}`,
    '',
    sentences[format](card),
    ...warnings.map(({ message, where }) => `\nNote: ${where === undefined ? '' : `${where}: `}${message}`),
    '',
  ].join('\n');
}

const titles: Readonly<Record<ExportFormat, string>> = {
  peft: 'LoRA adapter',
  flattened: 'LoRA adapter, flattened for serving',
  gguf: 'LoRA adapter for llama.cpp',
  'merged-gguf': 'Model for llama.cpp',
};

const sentences: Readonly<Record<ExportFormat, (card: ExportCard) => string>> = {
  peft: ({ adapter }) => `The LoRA adapter \`${adapter}\` in PEFT's layout.`,
  flattened: ({ adapter, dtype }) =>
    `The LoRA adapter \`${adapter}\` with one rank and the scaling 1 for all modules, tensors in ${dtype}: smaller ranks are padded with zeros, and each B is multiplied by the scaling its module had. It computes what the original computes.`,
  gguf: ({ adapter, base, dtype, main }) =>
    `The LoRA adapter \`${adapter}\` of \`${base}\`, tensors in ${dtype}. It acts on a GGUF of the same base:\n\n    llama-server -m BASE.gguf --lora ${main}`,
  'merged-gguf': ({ adapter, base, dtype, main }) =>
    `\`${base}\`${adapter === null ? '' : ` with the LoRA adapter \`${adapter}\` merged into it`}, tensors in ${dtype}, norms in f32:\n\n    llama-server -m ${main}`,
};
