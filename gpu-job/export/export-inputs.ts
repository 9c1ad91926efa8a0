import type { ExportSpec } from '../../shared/contract/specs/export.ts';
import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import type { Finding } from '../../shared/errors.ts';
import { openAdapterFolder, type AdapterReader } from '../folders/adapter.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { isOccupied } from '../folders/files.ts';

/** Refuses an output that is taken: an export never overwrites. */
export async function outputFindings({ output }: Pick<ExportSpec, 'output'>): Promise<Finding[]> {
  if (!(await isOccupied(output))) return [];
  const message = 'there is something already; an export never overwrites';
  return [{ severity: 'error', code: 'folder-exists', message, where: output }];
}

/** Opens the adapter of a spec that has one; what is wrong with it is added to `findings`. The caller closes it. */
export async function openExportedAdapter(
  { adapter }: Pick<ExportSpec, 'adapter'>,
  findings: Finding[],
): Promise<AdapterReader | undefined> {
  if (adapter === undefined) return undefined;
  const reader = await collectFindings(findings, adapter, () => openAdapterFolder(adapter));
  findings.push(...(reader?.warnings ?? []));
  return reader;
}

/** Whether the output embedding is computed with the input's tensor. */
export function isTied(base: BaseModelFolder): boolean {
  return base.config['tie_word_embeddings'] === true || !base.tensors.has('lm_head.weight');
}

/** How far the adapter acts on the base, its output embedding included where it shares the input's tensor. */
export function fitOf(base: BaseModelFolder, adapter: AdapterReader): ReturnType<typeof adapterFit> {
  const embedding = base.tensors.get('model.embed_tokens.weight');
  const head = isTied(base) && embedding ? [{ name: 'lm_head.weight', shape: embedding.shape }] : [];
  const others = [...base.tensors.values()].filter(({ name }) => head.length === 0 || name !== 'lm_head.weight');
  return adapterFit(adapter.config, adapter.pairs.values(), [...others, ...head]);
}
