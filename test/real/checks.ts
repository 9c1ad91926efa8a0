import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ggufToBase } from '../../gpu-job/folders/gguf-to-base.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { askLlama, compareWithLlama, spokenText, type Agreement } from './agreement.ts';
import { architectureChecks, runArchitectureChecks } from './architecture-checks.ts';
import { composeAndCompare } from './composites.ts';
import { exportChecks, runExportChecks } from './export-checks.ts';
import { hardTexts } from './hard-texts.ts';
import type { LlamaAnswer } from './llama-worker.ts';
import { compareWithPeft, compareWithTransformersGguf, type PeftComparison } from './peft.ts';
import { packedChecks, runPackedChecks } from './packed-checks.ts';
import { places } from './places.ts';
import { prepareLlama, preparePython, prepareText } from './prepare.ts';
import { demand, type CheckResult, type Report } from '../support/checks-report.ts';
import { trainAdapter } from './train-adapter.ts';
import { trainVariants } from './variants.ts';

/** All checks, in the order they run. */
export const checks = {
  prepare: 'what the checks run with is installed',
  composites: 'PEFT loads composites of unequal ranks and has our logits',
  variants: 'PEFT loads what each variant of LoRA trained here and has our logits',
  ...architectureChecks,
  convert: 'the GGUF of SmolLM2-135M-Instruct becomes a base model folder',
  weights: 'its weights are those that transformers reads from the same file',
  llama: 'llama.cpp reads the same file',
  agreement: 'the next token is the one llama.cpp finds',
  tokens: 'the tokenizer gives the token ids of llama.cpp',
  control: 'a wrong rotary base is noticed by the same comparison',
  train: '30 LoRA steps on real text lower the held-out loss',
  peft: 'PEFT loads the trained adapter and has our logits',
  ...packedChecks,
  ...exportChecks,
} as const;

/** Relative to the largest logit: float32 against float32, sums in another order. */
const logitBound = 1e-4;
/** Our share of positions with llama.cpp's next token; it rounds activations to 8 bits, so near ties fall otherwise. */
const agreementMin = 0.95;

/** Runs them; a check whose input is missing is skipped and says so. The model's file must be there. */
export async function runChecks(report: Report): Promise<void> {
  const prepared = await report.check(checks.prepare, prepare);
  if (!prepared) return report.skip(after(checks.prepare), 'something could not be installed');
  await report.check(checks.composites, checkComposites);
  await report.check(checks.variants, checkVariants);
  await runArchitectureChecks(report);
  const base = await report.check(checks.convert, convert);
  if (base === undefined) return report.skip(after(checks.convert), 'there is no base model');
  await report.check(checks.weights, checkWeights);
  const llama = await report.check(checks.llama, readWithLlama);
  if (!llama) return report.skip(after(checks.llama), 'there is no answer of llama.cpp');
  await report.check(checks.agreement, () => checkAgreement(llama));
  await report.check(checks.tokens, () => checkTokens(llama));
  await report.check(checks.control, () => checkControl(llama));
  const adapter = await report.check(checks.train, train);
  if (adapter === undefined) report.skip([checks.peft], 'there is no adapter');
  else await report.check(checks.peft, () => checkPeft(adapter, llama.windows[0]?.slice(0, 96) ?? []));
  await runPackedChecks(report, llama.windows[0]?.slice(0, 96) ?? []);
  await runExportChecks(report);
}

function after(name: string): string[] {
  const all = Object.values(checks);
  return all.slice(all.findIndex((other) => other === name) + 1);
}

async function prepare(): Promise<CheckResult<true>> {
  for (const install of [prepareText, prepareLlama, preparePython]) await install();
  return { figures: places.cache, value: true };
}

const checkComposites = async (): Promise<CheckResult<void>> => sameInPeft(await composeAndCompare());

const checkVariants = async (): Promise<CheckResult<void>> => sameInPeft(await trainVariants());

function sameInPeft(results: readonly (PeftComparison & { readonly name: string })[]): CheckResult<void> {
  for (const { name, loraModules, ourModules, base, adapted, change } of results) {
    demand(loraModules === ourModules, `${name}: PEFT has ${loraModules} modules, we ${ourModules}`);
    demand(base <= logitBound && adapted <= logitBound && change > 0.1, `${name}: ${base}, ${adapted}, ${change}`);
  }
  const worst = Math.max(...results.map(({ adapted }) => adapted)).toExponential(1);
  return passed(`${results.map(({ name }) => name).join(', ')}; within ${worst} of the largest logit`);
}

async function convert(): Promise<CheckResult<string>> {
  await rm(places.base, { recursive: true, force: true });
  await ggufToBase(places.gguf, places.base);
  return { figures: places.base, value: places.base };
}

async function checkWeights(): Promise<CheckResult<void>> {
  const { tensors, missing, worst, worstTensor } = await compareWithTransformersGguf();
  demand(missing.length === 0, `only one of the two has ${missing.join(', ')}`);
  demand(worst <= 1e-6, `${worstTensor} is ${worst} away`);
  return passed(`${tensors} tensors, largest relative difference ${worst}`);
}

async function readWithLlama(): Promise<CheckResult<LlamaAnswer>> {
  const value = await askLlama();
  return { figures: `${value.windows.length} windows of ${value.windows[0]?.length} tokens`, value };
}

async function checkAgreement(llama: LlamaAnswer): Promise<CheckResult<void>> {
  const agreement = await compareWithLlama(llama);
  const { positions, share, widestLead, ourLoss, theirLoss } = agreement;
  const figures = agreementFigures(agreement);
  demand(positions >= 512 && share >= agreementMin, figures);
  demand(widestLead < 1, `not a near tie: ${figures}`);
  demand(Math.abs(ourLoss - theirLoss) < 0.02, figures);
  return passed(figures);
}

function agreementFigures({ positions, share, widestLead, ourLoss, theirLoss }: Agreement): string {
  const losses = `mean loss ${ourLoss.toFixed(4)}, theirs ${theirLoss.toFixed(4)}`;
  return `${percent(share)} of ${positions} positions, elsewhere within ${widestLead.toFixed(2)} logits; ${losses}`;
}

async function checkTokens(llama: LlamaAnswer): Promise<CheckResult<void>> {
  const json = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(places.base, name), 'utf8'));
  const [tokenizerJson, tokenizerConfig] = [await json('tokenizer.json'), await json('tokenizer_config.json')];
  const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig });
  const speech = llama.windows.flat();
  demandEqual(tokenizer.encode(await spokenText()).slice(0, speech.length), speech, 'the speech');
  for (const [i, text] of hardTexts.entries()) demandEqual(tokenizer.encode(text), llama.hardTexts[i] ?? [], text);
  return passed(`${speech.length} tokens of a speech and ${hardTexts.length} hard texts`);
}

function demandEqual(ours: readonly number[], theirs: readonly number[], what: string): void {
  const length = Math.max(ours.length, theirs.length);
  for (let i = 0; i < length; i++)
    demand(ours[i] === theirs[i], `token ${i} of ${what} is ${ours[i]}, llama.cpp says ${theirs[i]}`);
}

async function checkControl({ windows, likeliest, losses, hardTexts: hard }: LlamaAnswer): Promise<CheckResult<void>> {
  const firstWindow = { windows: windows.slice(0, 1), likeliest: likeliest.slice(0, 1), losses, hardTexts: hard };
  const { share } = await compareWithLlama(firstWindow, { rope_theta: 10_000 });
  demand(share < agreementMin, `it agrees in ${percent(share)} all the same`);
  return passed(`only ${percent(share)} agree`);
}

async function train(): Promise<CheckResult<string>> {
  const { adapter, steps, first, last } = await trainAdapter();
  const figures = `${first.toFixed(4)} -> ${last.toFixed(4)} nats a token after ${steps} steps`;
  demand(steps === 30 && last < first - 0.02, figures);
  return { figures, value: adapter };
}

async function checkPeft(adapter: string, ids: readonly number[]): Promise<CheckResult<void>> {
  const { base, adapted, change, loraModules, ourModules } = await compareWithPeft(places.base, adapter, [ids]);
  const digits = (value: number): string => value.toExponential(1);
  const figures = `base ${digits(base)}, adapted ${digits(adapted)} of the largest logit, which the adapter changes by ${digits(change)}; ${loraModules} modules`;
  demand(loraModules === ourModules, `PEFT has ${loraModules} modules, we ${ourModules}`);
  demand(base <= logitBound && adapted <= logitBound, figures);
  demand(change > 100 * adapted, `the adapter does too little to be compared: ${figures}`);
  return passed(figures);
}

function passed(figures: string): CheckResult<void> {
  return { figures, value: undefined };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
