import type { DecoderSpec } from '../nn/decoder-spec.ts';

/** One family of models. Adding one is a file like `llama.ts` and a line in `registry.ts`. */
export interface Architecture {
  /** The `model_type` values of `config.json` that it reads. */
  readonly modelTypes: readonly string[];
  /** Turns a config into a description of the model. Throws `DomainError('config-unsupported')` with all that it cannot honour. */
  read(config: Readonly<Record<string, unknown>>): DecoderSpec;
}
