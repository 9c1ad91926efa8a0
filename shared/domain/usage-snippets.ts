import type { Engine, EngineReport } from './servability.ts';

/** An adapter that someone has in a folder, and its base. */
export interface AdapterPlace {
  /** Folder of the adapter; an absolute path works from anywhere. */
  readonly folder: string;
  /** What requests call it. */
  readonly name: string;
  /** The base as transformers and vLLM take it: a name on a hub, or a folder. */
  readonly base: string;
  /** Folder of the base, where there is one: exports read it. */
  readonly baseFolder?: string;
  readonly prompt?: string;
  /** How many tokens are asked for; default 32. */
  readonly newTokens?: number;
}

/** Commands or code that run as they stand. */
export interface Snippet {
  readonly engine: Engine | 'node-llama-cpp';
  readonly language: 'python' | 'sh' | 'js';
  readonly code: string;
}

/** What is used of an `EngineReport`, as it also comes over the wire. */
export type EngineAnswer = Pick<EngineReport, 'verdict' | 'settings'> & { readonly engine: string };

/** How an adapter is used, for each engine that serves it (`servability`); exports that it needs stand before. */
export function usageSnippets(place: AdapterPlace, reports: readonly EngineAnswer[]): readonly Snippet[] {
  return reports.flatMap((report) =>
    report.verdict === 'no' ? [] : (writers.get(report.engine)?.(place, report) ?? []),
  );
}

type Writer = (place: AdapterPlace, report: EngineAnswer) => readonly Snippet[];

const writers: ReadonlyMap<string, Writer> = new Map<Engine, Writer>([
  ['PEFT', peft],
  ['vLLM', vllm],
  ['llama.cpp', llamaCpp],
]);

function peft({ folder, base, prompt, newTokens = defaultTokens }: AdapterPlace): Snippet[] {
  const code = [
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `base = ${quoted(base)}`,
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    `model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), ${quoted(folder)})`,
    `inputs = tokenizer(${quoted(prompt ?? defaultPrompt)}, return_tensors="pt")`,
    `output = model.generate(**inputs, max_new_tokens=${newTokens}, do_sample=False)`,
    'print(tokenizer.decode(output[0], skip_special_tokens=True))',
  ];
  return [{ engine: 'PEFT', language: 'python', code: lines(code) }];
}

function vllm(place: AdapterPlace, { verdict, settings }: EngineAnswer): Snippet[] {
  const { folder, name, base } = place;
  const flat = `${folder}-flattened`;
  const served = verdict === 'flatten' ? flat : folder;
  const code = [
    ...(verdict === 'flatten'
      ? [`lorary export --format flattened --adapter ${shell(folder)} --output ${shell(flat)}`]
      : []),
    `vllm serve ${shell(base)} ${settings.join(' ')} --lora-modules ${shell(`${name}=${served}`)}`,
    ...request(place, 8000),
  ];
  return [{ engine: 'vLLM', language: 'sh', code: lines(code) }];
}

function llamaCpp(place: AdapterPlace, { settings }: EngineAnswer): Snippet[] {
  const { folder, baseFolder, newTokens = defaultTokens } = place;
  const base = shell(baseFolder ?? 'BASE_FOLDER');
  const adapter = shell(folder);
  const whole = !settings.includes('--lora adapter.gguf');
  const [modelOut, loraOut] = [`${folder}-${whole ? 'merged' : 'base'}-gguf`, `${folder}-gguf`];
  const [model, lora] = [`${modelOut}/model.gguf`, `${loraOut}/adapter.gguf`];
  const exports = whole
    ? [`lorary export --format merged-gguf --base ${base} --adapter ${adapter} --output ${shell(modelOut)}`]
    : [
        `lorary export --format merged-gguf --base ${base} --output ${shell(modelOut)}`,
        `lorary export --format gguf --base ${base} --adapter ${adapter} --output ${shell(loraOut)}`,
      ];
  const serve = `llama-server -m ${shell(model)}${whole ? '' : ` --lora ${shell(lora)}`}`;
  const node = [
    "import { getLlama, LlamaCompletion } from 'node-llama-cpp';",
    '',
    'const llama = await getLlama();',
    `const model = await llama.loadModel({ modelPath: ${quoted(model)} });`,
    `const context = await model.createContext(${whole ? '' : `{ lora: { adapters: [{ filePath: ${quoted(lora)} }] } }`});`,
    'const completion = new LlamaCompletion({ contextSequence: context.getSequence() });',
    `const prompt = ${quoted(place.prompt ?? defaultPrompt)};`,
    `console.log(prompt + (await completion.generateCompletion(prompt, { maxTokens: ${newTokens} })));`,
  ];
  return [
    { engine: 'llama.cpp', language: 'sh', code: lines([...exports, serve, ...request(place, 8080)]) },
    { engine: 'node-llama-cpp', language: 'js', code: lines(node) },
  ];
}

/** The request that both servers understand. */
function request({ name, prompt, newTokens = defaultTokens }: AdapterPlace, port: number): string[] {
  const body = JSON.stringify({ model: name, prompt: prompt ?? defaultPrompt, max_tokens: newTokens, temperature: 0 });
  return [
    '# in another terminal, when it listens:',
    `curl http://127.0.0.1:${port}/v1/completions -H 'Content-Type: application/json' -d ${shell(body)}`,
  ];
}

const defaultPrompt = 'Once upon a time';
const defaultTokens = 32;

const lines = (parts: readonly string[]): string => `${parts.join('\n')}\n`;

/** A text as a literal that Python and JavaScript read alike: JSON, which both contain. */
const quoted = (text: string): string => JSON.stringify(text);

/** A text as one word for a POSIX shell. */
const shell = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
