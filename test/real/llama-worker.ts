import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hardTexts } from './hard-texts.ts';

/**
 * Runs llama.cpp in a process of its own: `llama-worker.ts <package folder> <gguf> <text file> <windows> <tokens> <out.json> [LoRA gguf]`.
 * It is not among our dependencies and a bad file makes it abort the whole process.
 */
export interface LlamaAnswer {
  /** Consecutive windows of the text's token ids. */
  readonly windows: readonly (readonly number[])[];
  /** For each position but a window's last: the likeliest next token. */
  readonly likeliest: readonly (readonly number[])[];
  /** For each position but a window's last: -log p of the token that follows, in nats. */
  readonly losses: readonly (readonly number[])[];
  /** Token ids of `hardTexts`. */
  readonly hardTexts: readonly (readonly number[])[];
}

/** The part of node-llama-cpp that is used here. */
interface LlamaPackage {
  getLlama(this: void, options: object): Promise<{ loadModel(options: object): Promise<LlamaModel> }>;
}
interface LlamaModel {
  tokenize(text: string): number[];
  createContext(options: object): Promise<{ getSequence(): LlamaSequence }>;
}
interface LlamaSequence {
  clearHistory(): Promise<void>;
  controlledEvaluate(
    input: readonly (readonly [number, object])[],
  ): Promise<readonly { next: { logits: Map<number, number>; totalLogitWeight: number } }[]>;
}

const [packageFolder = '', gguf = '', textFile = '', windowCount = '', windowLength = '', out = '', lora = ''] =
  process.argv.slice(2);
process.execArgv = []; // it tries its binary in a process of its own, which inherits these and needs no TypeScript
const entry = join(packageFolder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js');
const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaPackage; // checked by running it
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false });
const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
const length = Number(windowLength);
const tokens = model.tokenize(await readFile(textFile, 'utf8'));
const windows = Array.from({ length: Number(windowCount) }, (_, i) => tokens.slice(i * length, (i + 1) * length));
const context = await model.createContext({
  contextSize: length,
  batchSize: length,
  threads: 2,
  ...(lora === '' ? {} : { lora }),
});
const sequence = context.getSequence();
const likeliest: number[][] = [];
const losses: number[][] = [];
for (const window of windows) {
  await sequence.clearHistory();
  const answers = await sequence.controlledEvaluate(
    window.map((token, i) => {
      const logits = { filter: { tokens: [window[i + 1] ?? token], includeTop: 1 } };
      return [token, { generateNext: { logits, totalLogitWeight: true } }] as const;
    }),
  );
  const scored = answers.slice(0, -1).map(({ next }, i) => {
    const [top, largest] = next.logits.entries().next().value ?? [-1, NaN]; // sorted, the largest first
    const loss = largest - (next.logits.get(window[i + 1] ?? -1) ?? NaN) + Math.log(next.totalLogitWeight);
    return { top, loss };
  });
  likeliest.push(scored.map(({ top }) => top));
  losses.push(scored.map(({ loss }) => loss));
}
const answer: LlamaAnswer = { windows, likeliest, losses, hardTexts: hardTexts.map((text) => model.tokenize(text)) };
await writeFile(out, JSON.stringify(answer));
process.exit(0); // its threads would keep the process alive
