import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createBase, getBase, type Base } from '../../shared/contract/bases.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import type { CommandIo } from '../command.ts';
import { announced, contentKey, hashFiles } from '../transfers/local-files.ts';
import { asFindings } from './as-findings.ts';
import { sendShown, viewOf } from './transfer.ts';
import { waitUntil } from './wait-until.ts';

export interface AddBaseOptions {
  readonly name: string;
  readonly description?: string;
  /** Folder of a model, or a GGUF file. */
  readonly model: string;
  /** How its weights are packed. */
  readonly quantize?: Base['quantize'];
  /** Sends the files even to a server of this machine. */
  readonly upload?: boolean;
  readonly json: boolean;
}

/**
 * Begins a base from files of this machine: a server that runs here reads them where they are, if it may; any other is sent them. Throws
 * `DomainError('folder')` for what is no model.
 */
export async function addBase(
  api: ApiClient,
  { name, description = '', model, quantize, upload = false, json }: AddBaseOptions,
  io: Pick<CommandIo, 'screen'>,
): Promise<Base> {
  const body = { name, description, ...(quantize === undefined ? {} : { quantize }) };
  const inPlace = !upload && isHere(api.url) ? await addInPlace(api, body, resolve(model)) : undefined;
  return inPlace ?? send(api, body, model, json, io);
}

/** Waits for the end of an import. Throws `DomainError('base')`, with what was wrong, for one that has failed. */
export async function importedBase(api: ApiClient, name: string): Promise<Base> {
  const ask = (): Promise<Base> => api.call(getBase, { params: { base: name } });
  const base = await waitUntil(ask, ({ state }) => state === 'ready' || state === 'failed');
  if (base.state === 'ready') return base;
  refuseErrors('base', `${name} was refused:`, asFindings(base.findings));
  throw new DomainError('base', `The base ${name} could not be imported. See: lorary base ls`);
}

const isHere = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);

type NewBase = Pick<Base, 'name' | 'description' | 'quantize'>;

/** Undefined: the server may not read that folder. */
async function addInPlace(api: ApiClient, base: NewBase, path: string): Promise<Base | undefined> {
  try {
    return (await api.call(createBase, { body: { ...base, source: { kind: 'local', path } } })).base;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'folder-not-allowed') return undefined;
    throw error;
  }
}

async function send(
  api: ApiClient,
  base: NewBase,
  model: string,
  json: boolean,
  io: Pick<CommandIo, 'screen'>,
): Promise<Base> {
  const view = viewOf(json, io);
  const files = await hashFiles(await modelFiles(model), view, () => io.screen.now());
  const body = { ...base, source: { kind: 'upload' as const, files: files.map(announced) } };
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
