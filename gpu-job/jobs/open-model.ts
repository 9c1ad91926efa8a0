import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import type { LoraConfig } from '../../shared/methods/lora.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { adapterMethod, adapterParameters, copiesOf } from '../methods/adapted-model.ts';
import { tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import { openBaseText, type BaseText } from './base-text.ts';

/** A base, with an adapter around it or without, ready to be run. */
export interface OpenModel {
  readonly model: TunedModel;
  readonly text: BaseText;
  /** The adapter's values; empty without one. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** The adapter's; undefined without one. */
  readonly config: LoraConfig | undefined;
  readonly warnings: readonly Finding[];
}

/** Opens the folders that a spec names. Throws `DomainError('model')` with the findings of all of them. The caller closes `text`. */
export async function openModel(spec: {
  readonly base: string;
  readonly adapter?: string | undefined;
}): Promise<OpenModel> {
  const findings: Finding[] = [];
  const { adapter: path } = spec;
  const base = await collectFindings(findings, 'base', () => openBaseModel(spec.base));
  const bare = base && (await collectFindings(findings, 'base', () => Promise.resolve().then(() => tunedModel(base))));
  const text = await collectFindings(findings, 'base', () => openBaseText(spec.base));
  try {
    const adapter =
      path === undefined ? undefined : await collectFindings(findings, 'adapter', () => readAdapterFolder(path));
    findings.push(...(base?.warnings ?? []), ...(adapter?.warnings ?? []));
    if (bare && adapter)
      findings.push(...adapterFit(adapter.config, adapter.modules.values(), bare.tensors, copiesOf(adapter)).findings);
    const warnings = refuseErrors('model', 'The model cannot be opened:', findings);
    if (!base || !bare || !text) throw new Error('a part is missing without a finding');
    return {
      model: adapter ? tunedModel(base, (known) => adapterMethod(known, adapter)) : bare,
      text,
      parameters: adapter ? adapterParameters(adapter) : new Map(),
      config: adapter?.config,
      warnings,
    };
  } catch (error) {
    await text?.close();
    throw error;
  }
}
