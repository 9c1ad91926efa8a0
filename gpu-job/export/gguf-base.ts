import { DomainError, type Finding } from '../../shared/errors.ts';
import { ggufArchitecture, type GgufArchitecture } from '../../shared/formats/gguf-names.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import type { DecoderSpec } from '../nn/decoder.ts';

/** A base whose model llama.cpp knows too. */
export interface GgufBase {
  readonly folder: BaseModelFolder;
  readonly spec: DecoderSpec;
  readonly architecture: GgufArchitecture;
}

/** Opens a base for GGUF; undefined when `findings` say why not. */
export async function openGgufBase(path: string, findings: Finding[]): Promise<GgufBase | undefined> {
  const folder = await collectFindings(findings, path, () => openBaseModel(path));
  if (!folder) return undefined;
  findings.push(...folder.warnings);
  return collectFindings(findings, path, () =>
    Promise.resolve().then(() => {
      const { spec } = tunedModel(folder);
      const architecture = ggufArchitecture(folder.config['model_type']);
      if (!architecture)
        throw new DomainError(
          'gguf-architecture',
          `config.json: models of type ${JSON.stringify(folder.config['model_type'])} cannot be written to GGUF yet`,
        );
      return { folder, spec, architecture };
    }),
  );
}
