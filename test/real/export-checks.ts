import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { loraGguf } from '../../gpu-job/export/lora-gguf.ts';
import { openAdapterFolder } from '../../gpu-job/folders/adapter.ts';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { runExport } from '../../gpu-job/jobs/export.ts';
import { describeModel } from '../../gpu-job/methods/tuned-model.ts';
import { exportSpecSchema } from '../../shared/contract/specs/export.ts';
import { linearModules } from '../../shared/domain/base-modules.ts';
import { writeGguf } from '../../shared/formats/gguf-write.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { openAdapted } from '../parity/open-adapted.ts';
import { writeRandomAdapter, type ModuleSizes } from '../support/random-adapter.ts';
import { agreement, askLlama, ourLogits, type Agreement, type LlamaQuestion } from './agreement.ts';
import { hardTexts } from './hard-texts.ts';
import type { LlamaAnswer } from './llama-worker.ts';
import { checkSnippets } from './snippets.ts';
import { compareInPeft } from './peft.ts';
import { places } from './places.ts';
import { demand, type CheckResult, type Report } from '../support/checks-report.ts';

/** The checks of exports, in the order they run. */
export const exportChecks = {
  answer: 'an adapter with rsLoRA and patterns changes most next tokens',
  whole: 'merged GGUF in f32, f16 and q8_0 loads in llama.cpp and has our next token and our tokens',
  lora: 'the adapter in GGUF acts in llama.cpp as in our engine, on its base in f16 and on the published file',
  wrongRows: 'rows of queries and keys in the wrong order are noticed by the same comparison',
  flattened: 'PEFT has the same logits with the flattened adapter as with the original',
  snippets: 'what is said about using an adapter runs as it stands, in PEFT and in node-llama-cpp',
};

/** Two windows of these many tokens: more than 512 positions in all. */
const asked = { windows: 2, tokens: 320 };
/**
 * Share of positions with the same next token. For quantised weights (q8_0, and the published file in Q4_1) llama.cpp rounds activations
 * to 8 bits as well, which moves near ties; the losses must agree all the same.
 */
const shareMin = { f32: 0.99, f16: 0.98, q8_0: 0.92, published: 0.92 };
const lossBound = 0.01;
/** Of largest logits: float32 sums in another order. */
const logitBound = 1e-4;

interface Ours {
  readonly base: BaseModelFolder;
  readonly logits: Float32Array;
  readonly windows: LlamaAnswer['windows'];
}

/** Runs them on the converted base, asking llama.cpp and PEFT about what was exported. */
export async function runExportChecks(report: Report): Promise<void> {
  await rm(places.exports, { recursive: true, force: true });
  await mkdir(places.exports, { recursive: true });
  const ours = await report.check(exportChecks.answer, prepare);
  if (!ours) return report.skip(Object.values(exportChecks).slice(1), 'there is no adapter to export');
  await report.check(exportChecks.whole, () => checkWhole(ours));
  const plain = await report.check(exportChecks.lora, () => checkLora(ours));
  if (plain === undefined) report.skip([exportChecks.wrongRows], 'there is no base in GGUF');
  else await report.check(exportChecks.wrongRows, () => checkControl(ours, plain));
  await report.check(exportChecks.flattened, () => checkFlattened(ours));
  await report.check(exportChecks.snippets, () => checkSnippets(adapter, ours.base));
  await rm(places.exports, { recursive: true });
}

const adapter = join(places.exports, 'adapter');

/** Unequal ranks and alphas, stabilised, and strong on queries and keys, so that their order matters. */
async function prepare(): Promise<CheckResult<Ours>> {
  const base = await openBaseModel(places.base);
  const modules: ModuleSizes = Object.fromEntries(
    [...linearModules(base.tensors.values())]
      .filter(([module]) => /(q_proj|k_proj|v_proj|down_proj)$/.test(module))
      .map(([module, { inFeatures, outFeatures }]) => [module, [inFeatures, outFeatures]]),
  );
  const config = {
    target_modules: ['q_proj', 'k_proj', 'v_proj', 'down_proj'],
    r: 8,
    lora_alpha: 16,
    use_rslora: true,
    rank_pattern: { k_proj: 4, 'layers.3.mlp.down_proj': 2 },
    alpha_pattern: { v_proj: 6, down_proj: 2 },
  };
  await writeRandomAdapter(adapter, modules, config, { seed: 7, spread: 0.11 });
  const { windows, ...rest } = await askLlama(asked);
  const logits = await ourLogits(windows, await openAdapted(base, adapter));
  const before = agreement({ windows, ...rest }, logits);
  demand(before.positions >= 512 && before.share < 0.8, `it changes too little: ${figuresOf(before)}`);
  return { figures: `without it ${figuresOf(before)}`, value: { base, logits, windows } };
}

async function checkWhole({ base, logits, windows }: Ours): Promise<CheckResult<void>> {
  const found: string[] = [];
  for (const type of ['f32', 'f16', 'q8_0'] as const) {
    const output = join(places.exports, `whole-${type}`);
    await exported({ format: 'merged-gguf', base: base.path, adapter, dtype: type, output });
    const answer = await askedAgain({ gguf: join(output, 'model.gguf') }, windows);
    await checkTokens(answer);
    const same = agreement(answer, logits);
    demandAgreement(same, type);
    found.push(`${type} ${figuresOf(same)}`);
    await rm(output, { recursive: true });
  }
  return { figures: found.join('; '), value: undefined };
}

/** Resolves to the GGUF of the base alone. */
async function checkLora({ base, logits, windows }: Ours): Promise<CheckResult<string>> {
  const output = join(places.exports, 'lora');
  await exported({ format: 'gguf', base: base.path, adapter, dtype: 'f32', output });
  await exported({ format: 'merged-gguf', base: base.path, dtype: 'f16', output: join(places.exports, 'base') });
  const plain = join(places.exports, 'base', 'model.gguf');
  const lora = join(output, 'adapter.gguf');
  const onOurs = agreement(await askedAgain({ gguf: plain, lora }, windows), logits);
  const onPublished = agreement(await askedAgain({ lora }, windows), logits);
  demandAgreement(onOurs, 'f16');
  demandAgreement(onPublished, 'published');
  return { figures: `f16 ${figuresOf(onOurs)}; Q4_1 ${figuresOf(onPublished)}`, value: plain };
}

async function checkControl({ base, logits, windows }: Ours, plain: string): Promise<CheckResult<void>> {
  const lora = join(places.exports, 'unpermuted.gguf');
  const reader = await openAdapterFolder(adapter);
  const { spec } = describeModel(base.config);
  const architecture = { name: 'llama', permutesHeads: false };
  const wrong = loraGguf(reader, [...reader.pairs.keys()], { architecture, spec, type: 'F32', name: 'wrong' });
  const file = createWriteStream(lora);
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => file.write(bytes, (error) => (error ? reject(error) : resolve())));
  await writeGguf({ write }, wrong.metadata, wrong.tensors);
  file.end();
  await finished(file);
  await reader.close();
  const { share } = agreement(await askedAgain({ gguf: plain, lora }, windows), logits);
  demand(share < shareMin.published, `it agrees in ${percent(share)} all the same`);
  return { figures: `only ${percent(share)} agree`, value: undefined };
}

async function checkFlattened({ base, windows }: Ours): Promise<CheckResult<void>> {
  const output = join(places.exports, 'flattened');
  await exported({ format: 'flattened', base: base.path, adapter, output });
  const ids = [windows[0]?.slice(0, 96) ?? []];
  const { deviation, change } = await compareInPeft(base.path, [adapter, output], ids);
  const figures = `${deviation.toExponential(1)} of the largest logit, which the adapter changes by ${change.toExponential(1)}`;
  demand(deviation <= logitBound && change > 0.1, figures);
  return { figures, value: undefined };
}

async function exported(spec: object): Promise<void> {
  const context = { emit() {}, stopRequested: () => false, now: () => performance.now() };
  await runExport(exportSpecSchema.parse({ kind: 'export', ...spec }), context);
}

/** Asks about the same windows, and makes sure that they are. */
async function askedAgain(question: LlamaQuestion, windows: LlamaAnswer['windows']): Promise<LlamaAnswer> {
  const answer = await askLlama({ ...asked, ...question });
  demand(JSON.stringify(answer.windows) === JSON.stringify(windows), 'the speech has other tokens with this file');
  return answer;
}

async function checkTokens(answer: LlamaAnswer): Promise<void> {
  const json = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(places.base, name), 'utf8'));
  const files = { tokenizerJson: await json('tokenizer.json'), tokenizerConfig: await json('tokenizer_config.json') };
  const tokenizer = loadTokenizer(files);
  for (const [i, text] of hardTexts.entries())
    demand(tokenizer.encode(text).join() === answer.hardTexts[i]?.join(), `other tokens: ${text}`);
}

function demandAgreement(found: Agreement, kind: keyof typeof shareMin): void {
  const lossesAgree = Math.abs(found.ourLoss - found.theirLoss) < lossBound;
  demand(found.share >= shareMin[kind] && lossesAgree, `${kind}: ${figuresOf(found)}`);
}

function figuresOf({ positions, share, widestLead, ourLoss, theirLoss }: Agreement): string {
  return `${percent(share)} of ${positions} agree, elsewhere within ${widestLead.toFixed(2)}; losses ${ourLoss.toFixed(4)} and ${theirLoss.toFixed(4)}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
