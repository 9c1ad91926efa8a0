import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import type { AdaptedModel } from '../../gpu-job/methods/adapted-model.ts';
import { tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { batchOf } from '../parity/fixture.ts';
import { runCommand } from './command.ts';
import type { LlamaAnswer } from './llama-worker.ts';
import { places, scriptPath } from './places.ts';

const speech = join(places.speeches, '1941_franklin_d_roosevelt_d.txt');
const windowCount = 2;
const windowTokens = 512;

/** How far our engine and llama.cpp agree about the next token on the same GGUF and the same real text. */
export interface Agreement {
  readonly positions: number;
  /** Share of the positions where both find the same token likeliest. */
  readonly share: number;
  /** Of the other positions, the largest lead (in logits) that we give our token over theirs: small means a near tie. */
  readonly widestLead: number;
  /** Mean loss of the true next token, in nats. */
  readonly ourLoss: number;
  readonly theirLoss: number;
}

/** The text that both read. */
export async function spokenText(): Promise<string> {
  return await readFile(speech, 'utf8');
}

/** What llama.cpp is asked about: which file, with which adapter, on how much of the speech. */
export interface LlamaQuestion {
  readonly gguf?: string;
  readonly lora?: string;
  readonly windows?: number;
  readonly tokens?: number;
}

/**
 * Asks llama.cpp, in a process of its own, about windows of one speech. For quantised weights it rounds activations to 8 bits, so
 * ties may fall otherwise.
 */
export async function askLlama(question: LlamaQuestion = {}): Promise<LlamaAnswer> {
  const { gguf = places.gguf, lora = '', windows = windowCount, tokens = windowTokens } = question;
  const out = join(places.cache, 'llama-answer.json');
  const inputs = [places.llama, gguf, speech, String(windows), String(tokens), out, lora];
  await runCommand(process.execPath, ['--import', 'tsx', scriptPath('llama-worker.ts'), ...inputs]);
  return JSON.parse(await readFile(out, 'utf8')) as LlamaAnswer; // written by llama-worker.ts
}

/** Compares our logits, from the converted folder, with what llama.cpp said. `config` overrides entries, to plant a fault. */
export async function compareWithLlama(answer: LlamaAnswer, config: Record<string, unknown> = {}): Promise<Agreement> {
  const opened = await openBaseModel(places.base);
  const base: BaseModelFolder = { ...opened, config: { ...opened.config, ...config } };
  return agreement(answer, await ourLogits(answer.windows, { model: tunedModel(base), parameters: new Map() }));
}

/** Our logits of all windows, [windows * tokens, vocabulary]. */
export async function ourLogits(
  windows: LlamaAnswer['windows'],
  { model, parameters }: Pick<AdaptedModel, 'model' | 'parameters'>,
): Promise<Float32Array> {
  const step = await createEvalStep(model);
  const logits = await step.logits(parameters, batchOf({ input_ids: windows, labels: windows }));
  await step.close();
  return logits;
}

/** Holds logits of ours against what llama.cpp said of the same windows. */
export function agreement(answer: LlamaAnswer, logits: Float32Array): Agreement {
  const { windows, likeliest: theirs, losses } = answer;
  const length = windows[0]?.length ?? 0;
  const vocabulary = logits.length / (windows.length * length);
  let [positions, same, widestLead, ourLoss, theirLoss] = [0, 0, 0, 0, 0];
  for (const [row, tops] of theirs.entries()) {
    for (const [position, top] of tops.entries()) {
      const at = row * length + position;
      const next = logits.subarray(at * vocabulary, (at + 1) * vocabulary);
      const likeliest = argMax(next);
      positions++;
      if (likeliest === top) same++;
      else widestLead = Math.max(widestLead, (next[likeliest] as number) - (next[top] as number));
      ourLoss += lossOf(next, Number(windows[row]?.[position + 1]));
      theirLoss += Number(losses[row]?.[position]);
    }
  }
  return {
    positions,
    share: same / positions,
    widestLead,
    ourLoss: ourLoss / positions,
    theirLoss: theirLoss / positions,
  };
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** -log softmax(logits)[token], in nats. */
function lossOf(logits: Float32Array, token: number): number {
  const largest = logits[argMax(logits)] as number;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  return largest + Math.log(sum) - (logits[token] as number);
}
