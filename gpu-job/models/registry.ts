import { DomainError } from '../../shared/errors.ts';
import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { Architecture } from './architecture.ts';
import { gemma3 } from './gemma3.ts';
import { llama } from './llama.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { smollm3 } from './smollm3.ts';

export const architectures: readonly Architecture[] = [llama, qwen2, qwen3, smollm3, gemma3, phi3];

/** Reads a `config.json` with the architecture of its `model_type`. Throws `DomainError` when there is none or it refuses. */
export function readModelConfig(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const type = config['model_type'];
  const architecture = architectures.find(({ modelTypes }) => typeof type === 'string' && modelTypes.includes(type));
  if (architecture) return architecture.read(config);
  const known = architectures.flatMap(({ modelTypes }) => modelTypes).join(', ');
  throw new DomainError(
    'architecture-unknown',
    `config.json: model_type ${JSON.stringify(type) ?? 'is missing and'} is not supported; known are ${known}.`,
  );
}
