import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createBase, getBase, packOnImportField, type Base } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand, type CommandIo } from '../command.ts';
import { addBase, importedBase } from '../server/add-base.ts';
import { connect } from '../server/connect.ts';
import { ggufNote } from '../server/gguf-note.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { waitUntil } from '../server/wait-until.ts';
import { watchJob } from '../server/watch-job.ts';

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
  examples: [
    'lorary base add models/SmolLM2-135M',
    'lorary base add HuggingFaceTB/SmolLM2-135M --name smollm2',
    'lorary base add models/SmolLM2-135M --name smollm2-nf4 --quantize nf4',
  ],
  flags: {
    name: { kind: 'text', value: 'NAME', help: 'what it is called [after the folder or repository]' },
    revision: { kind: 'text', value: 'REVISION', help: 'branch, tag or commit at Hugging Face [main]' },
    description: { kind: 'text', value: 'TEXT', help: 'what it is' },
    quantize: { kind: 'text', value: 'TYPE', help: 'pack its weights: nf4, u4, or gguf for the blocks of a GGUF file' },
    upload: { kind: 'switch', help: 'send the files even to a server on this machine' },
    detach: { kind: 'switch', help: 'do not wait until it is imported' },
  },
  async run({ words: [model = ''], flags, json }, io) {
    const api = await connect(io);
    const name = flags.name ?? nameOfFile(resolve(model));
    if (name === undefined)
      throw new DomainError('usage', `No name can be made from ${model}: give one with --name NAME`);
    const { description = '', revision, upload } = flags;
    const quantize = packOnImport(flags.quantize);
    const remote = !existsSync(model);
    if (remote && !/^[\w.-]+\/[\w.-]+$/.test(model))
      throw new DomainError('usage', `There is no folder or file ${model}, and a Hugging Face id is OWNER/NAME.`);
    let base: Base;
    if (remote) {
      const source = {
        kind: 'huggingface' as const,
        repository: model,
        ...(revision === undefined ? {} : { revision }),
      };
      ({ base } = await api.call(createBase, { body: { name, description, source, ...quantize } }));
    } else {
      const note = ggufNote(model, quantize.quantize);
      if (note !== undefined && !json) io.note(note);
      base = await addBase(api, { name, description, model, upload, json, ...quantize }, io);
    }
    if (flags.detach) {
      io.print(json ? JSON.stringify({ base }) : `${name} is being imported. See: lorary base ls`);
      return exitCodes.done;
    }
    return waitForImport(api, base, json, io);
  },
});

function packOnImport(type: string | undefined): Pick<Base, 'quantize'> {
  if (type === undefined) return {};
  const { data, error } = packOnImportField.safeParse(type);
  if (error) throw new DomainError('usage', `--quantize ${type}: it is ${packOnImportField.options.join(', ')}.`);
  return { quantize: data };
}

async function waitForImport(api: ApiClient, base: Base, json: boolean, io: CommandIo): Promise<number> {
  const ask = (): Promise<Base> => api.call(getBase, { params: { base: base.name } });
  const begun = await waitUntil(ask, ({ state, importJobId }) => isOver(state) || importJobId !== undefined);
  if (!isOver(begun.state) && begun.importJobId !== undefined && !json)
    return watchJob(api, begun.importJobId, json, io);
  const over = await importedBase(api, base.name);
  io.print(
    json
      ? JSON.stringify({ base: over })
      : `The base ${over.name} is ready. Train on it with: lorary train --base ${over.name} --data FILE`,
  );
  return exitCodes.done;
}

const isOver = (state: Base['state']): boolean => state === 'ready' || state === 'failed';
