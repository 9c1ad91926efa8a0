import { DomainError, type Finding } from '../../shared/errors.ts';
import { ggufArchitecture, type GgufArchitecture } from '../../shared/formats/gguf-names.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import { distinctRopes, type DecoderSpec } from '../nn/decoder-spec.ts';
import { usualYarnMagnitude, type RopeScaling, type RopeSpec } from '../nn/rotary.ts';

/** A base whose model llama.cpp knows too. */
export interface GgufBase {
  readonly folder: BaseModelFolder;
  readonly spec: DecoderSpec;
  /** How its layers turn. */
  readonly rope: RopeSpec;
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
      refuseUnsayable(architecture.name, spec);
      return { folder, spec, rope: sayableRope(spec), architecture };
    }),
  );
}

/** What llama.cpp takes for granted in a model of some architecture, and is not so in this one. Source: llama.cpp, `src/models/`. */
function refuseUnsayable(architecture: string, { bias, ropes }: DecoderSpec): void {
  const refuse = (message: string): never => {
    throw new DomainError('gguf-cannot-say', `config.json: ${message}`);
  };
  const biased = bias.qkv || bias.o || bias.mlp;
  if (biased && ['qwen3', 'smollm3'].includes(architecture))
    refuse(`llama.cpp has no place for the biases of a ${architecture}`);
  if (architecture === 'smollm3' && ropes.some((rope, i) => (rope === undefined) !== ((i + 1) % 4 === 0)))
    refuse('llama.cpp knows no other layers without RoPE than each fourth');
}

/** The one rope of a model, of a kind that is known to come out in llama.cpp as it goes in. */
function sayableRope(spec: DecoderSpec): RopeSpec {
  const [rope, ...others] = distinctRopes(spec);
  if (rope && others.length === 0 && isSayable(rope.scaling)) return rope;
  throw new DomainError(
    'gguf-rope',
    `config.json: positions that are scaled as ${JSON.stringify(rope?.scaling.type ?? 'none')} cannot be written to GGUF yet`,
  );
}

/** Of YaRN only what the paper has: borders and magnitude of one's own have no key that all versions of llama.cpp read. */
function isSayable(scaling: RopeScaling): boolean {
  if (scaling.type !== 'yarn') return ['none', 'linear', 'llama3'].includes(scaling.type);
  const { factor, betaFast, betaSlow, wholeBorders, magnitude } = scaling;
  const usual = Math.abs(magnitude - usualYarnMagnitude(factor)) < 1e-6;
  return betaFast === 32 && betaSlow === 1 && wholeBorders && usual;
}
