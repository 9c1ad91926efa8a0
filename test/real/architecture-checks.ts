import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runExport } from '../../gpu-job/jobs/export.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import type { DecoderSpec } from '../../gpu-job/nn/decoder-spec.ts';
import { exportSpecSchema } from '../../shared/contract/specs/export.ts';
import { openAdapted } from '../parity/open-adapted.ts';
import { writeRandomAdapter } from '../support/random-adapter.ts';
import { writeRandomBase } from '../support/random-base.ts';
import { agreement, askLlama, ourLogits, type Agreement } from './agreement.ts';
import type { LlamaAnswer } from './llama-worker.ts';
import { places } from './places.ts';
import { demand, type CheckResult, type Report } from '../support/checks-report.ts';

export const architectureChecks = {
  qwen3: 'a random Qwen3 in GGUF has our next token in llama.cpp, with an adapter and without',
  yarn: 'a random Qwen3 with YaRN in GGUF has our next token in llama.cpp, with an adapter and without',
  smollm3: 'a random SmolLM3 in GGUF has our next token in llama.cpp, with an adapter and without',
};

/** What is exported, and the model that llama.cpp must not be found to compute. */
interface Case {
  readonly config: Readonly<Record<string, unknown>>;
  readonly wrong: (spec: DecoderSpec) => Partial<DecoderSpec>;
}

const sizes = {
  vocab_size: 2048,
  hidden_size: 96,
  intermediate_size: 160,
  num_hidden_layers: 5,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
};
const cases: Readonly<Record<keyof typeof architectureChecks, Case>> = {
  qwen3: {
    config: { ...sizes, model_type: 'qwen3', head_dim: 32, tie_word_embeddings: true },
    wrong: () => ({ queryKeyNorm: false }),
  },
  yarn: {
    config: {
      ...sizes,
      model_type: 'qwen3',
      head_dim: 32,
      rope_theta: 1000,
      rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128 },
    },
    wrong: ({ ropes }) => ({ ropes: ropes.map((rope) => rope && { ...rope, scaling: { type: 'none' } }) }),
  },
  smollm3: {
    config: { ...sizes, model_type: 'smollm3', rope_theta: 1000, tie_word_embeddings: false },
    wrong: ({ ropes }) => ({ ropes: ropes.map(() => ropes[0]) }),
  },
};

const asked = { windows: 2, tokens: 256 };
/** llama.cpp keeps keys and values in float16, and a random model has many near ties. */
const shareMin = 0.98;
/** In nats a token. */
const lossBound = 1e-3;

/** Exports random models to GGUF and asks llama.cpp about them. Small ones: what is checked is which numbers meet which. */
export async function runArchitectureChecks(report: Report): Promise<void> {
  for (const [name, title] of Object.entries(architectureChecks))
    await report.check(title, () => checkArchitecture(name, cases[name as keyof typeof cases])); // one for each title
}

async function checkArchitecture(name: string, { config, wrong }: Case): Promise<CheckResult<void>> {
  const folder = join(places.cache, `architecture-${name}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const [base, adapter] = [join(folder, 'base'), join(folder, 'adapter')];
  await writeRandomBase(base, config);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(places.root, 'examples', 'tiny-base', file), join(base, file));
  const model = tunedModel(await openBaseModel(base));
  const modules = model.linears.map(({ module, inFeatures, outFeatures }) => [module, [inFeatures, outFeatures]]);
  await writeRandomAdapter(adapter, Object.fromEntries(modules), {}, { seed: 5, spread: 0.2 });
  const [gguf, lora] = [join(folder, 'model', 'model.gguf'), join(folder, 'lora', 'adapter.gguf')];
  await exported({ format: 'merged-gguf', base, dtype: 'f32', output: join(folder, 'model') });
  await exported({ format: 'gguf', base, adapter, dtype: 'f32', output: join(folder, 'lora') });

  const plain = await askLlama({ ...asked, gguf });
  const found = await compared(plain, model);
  const adapted = await openAdapted(await openBaseModel(base), adapter);
  const answer = await askLlama({ ...asked, gguf, lora });
  const withAdapter = agreement(answer, await ourLogits(answer.windows, adapted));
  const faulty = await compared(plain, { ...model, spec: { ...model.spec, ...wrong(model.spec) } });
  const without = await compared(answer, model);
  const figures = `${figuresOf(found)}; adapted ${figuresOf(withAdapter)}; faulty ${figuresOf(faulty)}`;
  demand(agrees(found) && agrees(withAdapter), figures);
  demand(!agrees(faulty) && !agrees(without), `a fault is not noticed: ${figures}`);
  await rm(folder, { recursive: true });
  return { figures, value: undefined };
}

async function compared(answer: LlamaAnswer, model: TunedModel): Promise<Agreement> {
  return agreement(answer, await ourLogits(answer.windows, { model, parameters: new Map() }));
}

const agrees = ({ share, ourLoss, theirLoss }: Agreement): boolean =>
  share >= shareMin && Math.abs(ourLoss - theirLoss) < lossBound;

const figuresOf = ({ share, ourLoss, theirLoss }: Agreement): string =>
  `${(100 * share).toFixed(1)}%, losses ${ourLoss.toFixed(4)} and ${theirLoss.toFixed(4)}`;

async function exported(spec: object): Promise<void> {
  const context = { emit() {}, stopRequested: () => false, now: () => performance.now() };
  await runExport(exportSpecSchema.parse({ kind: 'export', ...spec }), context);
}
