import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { servability } from '../../shared/domain/servability.ts';
import { usageSnippets } from '../../shared/domain/usage-snippets.ts';
import type { BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { runCommand } from './command.ts';
import { places } from './places.ts';
import { demand, type CheckResult } from '../support/checks-report.ts';

const prompt = 'The state of the union is';
/** Few: with threads of its own that wait for each other, llama.cpp takes a minute a token on a machine busy with other things. */
const newTokens = 3;

/** Runs the snippets of an adapter as they stand; servers, which would not end, are left out of the shell's part. */
export async function checkSnippets(adapter: string, base: BaseModelFolder): Promise<CheckResult<void>> {
  const reports = servability({ config: await readConfig(adapter), ...(await readShapes(adapter)), base: facts(base) });
  const place = { folder: adapter, name: 'mine', base: base.path, baseFolder: base.path, prompt, newTokens };
  const said = new Map<string, string>();
  for (const { engine, language, code } of usageSnippets(place, reports)) {
    if (language === 'python') said.set(engine, await runCommand(places.python, ['-c', code]));
    if (language === 'js') {
      const file = join(places.llama, 'snippet.mjs'); // beside the package that it imports
      await writeFile(file, code);
      said.set(engine, await runCommand(process.execPath, [file]));
    }
    if (language === 'sh') {
      const lorary = `lorary() { "${process.execPath}" "${join(places.root, 'cli', 'lorary.js')}" "$@"; }`;
      await runCommand('sh', [
        '-ec',
        `${lorary}\nvllm() { :; }\nllama_server() { test -f "$2" && test -f "$4"; }\ncurl() { :; }\n${code.replace('llama-server', 'llama_server')}`,
      ]);
    }
  }
  for (const engine of ['PEFT', 'node-llama-cpp']) {
    const text = said.get(engine)?.trim() ?? '';
    demand(text.startsWith(prompt) && text.length > prompt.length, `${engine} said ${JSON.stringify(text)}`);
  }
  const verdicts = reports.map(({ engine, verdict }) => `${engine} ${verdict}`).join(', ');
  return { figures: `${[...said.keys()].join(' and ')} go on with a text; ${verdicts}`, value: undefined };
}

async function readConfig(adapter: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')) as Record<string, unknown>; // written by us
}

async function readShapes(adapter: string) {
  const source = await openFileSource(join(adapter, 'adapter_model.safetensors'));
  const { tensors } = await readSafetensorsHeader(source);
  await source.close();
  return { tensors: [...tensors.values()] };
}

function facts({ config, tensors }: BaseModelFolder) {
  const { model_type: modelType } = config;
  return {
    modelType: typeof modelType === 'string' ? modelType : null,
    tiedEmbeddings: config['tie_word_embeddings'] === true,
    tensors: [...tensors.values()],
  };
}
