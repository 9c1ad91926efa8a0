import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createBase, getBase, type Base } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { sendShown, viewOf } from '../server/transfer.ts';
import { waitUntil } from '../server/wait-until.ts';
import { watchJob } from '../server/watch-job.ts';
import { announced, contentKey, hashFiles } from '../transfers/local-files.ts';

/** `lorary base add`: a base model under a name. */
export const baseAdd = runCommand({
  name: 'base add',
  summary: 'Add a base model: a folder or GGUF file here, or a model of Hugging Face.',
  usage: 'FOLDER | FILE.gguf | OWNER/NAME [--name NAME] [flags]',
  words: { what: 'MODEL', min: 1, max: 1 },
  notes: [
    'What is a folder or file here is one; OWNER/NAME that is none is fetched from Hugging Face by the server, pinned to a commit. A server',
    'on this machine reads a folder where it is, unless it is outside what it may read or --upload is given: then the files are sent.',
  ],
  examples: ['lorary base add models/SmolLM2-135M', 'lorary base add HuggingFaceTB/SmolLM2-135M --name smollm2'],
  flags: {
    name: { kind: 'text', value: 'NAME', help: 'what it is called [after the folder or repository]' },
    revision: { kind: 'text', value: 'REVISION', help: 'branch, tag or commit at Hugging Face [main]' },
    description: { kind: 'text', value: 'TEXT', help: 'what it is' },
    upload: { kind: 'switch', help: 'send the files even to a server on this machine' },
    detach: { kind: 'switch', help: 'do not wait until it is imported' },
  },
  async run({ words: [model = ''], flags, json }, io) {
    const api = await connect(io);
    const name = flags.name ?? nameOfFile(resolve(model));
    if (name === undefined)
      throw new DomainError('usage', `No name can be made from ${model}: give one with --name NAME`);
    const { description = '', revision, upload } = flags;
    const remote = !existsSync(model);
    if (remote && !/^[\w.-]+\/[\w.-]+$/.test(model))
      throw new DomainError('usage', `There is no folder or file ${model}, and a Hugging Face id is OWNER/NAME.`);
    let base: Base | undefined;
    if (remote) {
      const source = {
        kind: 'huggingface' as const,
        repository: model,
        ...(revision === undefined ? {} : { revision }),
      };
      ({ base } = await api.call(createBase, { body: { name, description, source } }));
    } else if (!upload && isHere(api.url)) base = await addInPlace(api, name, description, resolve(model));
    base ??= await send(api, name, description, model, json, io);
    if (flags.detach) {
      io.print(json ? JSON.stringify({ base }) : `${name} is being imported. See: lorary base ls`);
      return exitCodes.done;
    }
    return waitForImport(api, base, json, io);
  },
});

const isHere = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);

/** Undefined: the server may not read that folder. */
async function addInPlace(api: ApiClient, name: string, description: string, path: string): Promise<Base | undefined> {
  try {
    return (await api.call(createBase, { body: { name, description, source: { kind: 'local', path } } })).base;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'folder-not-allowed') return undefined;
    throw error;
  }
}

async function send(
  api: ApiClient,
  name: string,
  description: string,
  model: string,
  json: boolean,
  io: CommandIo,
): Promise<Base> {
  const view = viewOf(json, io);
  const files = await hashFiles(await modelFiles(model), view, () => io.screen.now());
  const body = { name, description, source: { kind: 'upload' as const, files: files.map(announced) } };
  const begun = await api
    .call(createBase, { body, idempotencyKey: contentKey(['base', body]) })
    .finally(() => view.end());
  if (begun.upload?.state === 'open') await sendShown(api, begun.upload, files, view, () => io.screen.now());
  return begun.base;
}

/** The files of a model's folder that a base consists of; other formats of the same weights stay here. */
async function modelFiles(model: string): Promise<{ path: string; localPath: string }[]> {
  if ((await stat(model)).isFile()) return [{ path: basename(model), localPath: model }];
  const names = (await readdir(model, { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  const wanted = names.filter((name) => /\.(json|jinja|safetensors|model|txt|md)$|^LICENSE/.test(name)).toSorted();
  if (!wanted.includes('config.json')) throw new DomainError('folder', `${model} is no model: config.json is missing.`);
  return wanted.map((path) => ({ path, localPath: join(model, path) }));
}

async function waitForImport(api: ApiClient, base: Base, json: boolean, io: CommandIo): Promise<number> {
  const ask = (): Promise<Base> => api.call(getBase, { params: { base: base.name } });
  const begun = await waitUntil(ask, ({ state, importJobId }) => isOver(state) || importJobId !== undefined);
  if (!isOver(begun.state) && begun.importJobId !== undefined && !json)
    return watchJob(api, begun.importJobId, json, io);
  const over = await waitUntil(ask, ({ state }) => isOver(state));
  if (over.state === 'failed') refuseErrors('base', `${base.name} was refused:`, asFindings(over.findings));
  if (json) io.print(JSON.stringify({ base: over }));
  else if (over.state === 'ready')
    io.print(`The base ${over.name} is ready. Train on it with: lorary train --base ${over.name} --data FILE`);
  else io.note(`The base ${over.name} could not be imported. See: lorary base ls`);
  return over.state === 'ready' ? exitCodes.done : exitCodes.refused;
}

const isOver = (state: Base['state']): boolean => state === 'ready' || state === 'failed';
