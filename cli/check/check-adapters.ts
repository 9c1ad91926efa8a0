import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AdapterValidation } from '../../shared/contract/adapter-validation.ts';
import { adapterConfigName } from '../../shared/domain/adapter-files.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import type { Environment } from '../../shared/hub/hub-cache.ts';
import { readAdapterConfig } from '../../shared/methods/adapter-config.ts';
import { checkFolder } from './check-folder.ts';
import type { FoundAdapter } from './find-adapters.ts';
import { findBase, type FoundBase } from './find-base.ts';
import { duplicatesOf, type Duplicate } from './mark-duplicates.ts';

/** What a check says of one adapter. */
export interface CheckedAdapter {
  /** As it was asked for. */
  readonly adapter: string;
  readonly folder: string;
  /** The base it was checked against. */
  readonly base: string | null;
  readonly ok: boolean;
  readonly duplicate: Duplicate | null;
  readonly validation: AdapterValidation;
}

/**
 * Checks adapters one after another, each against `base`, or against the base that its config names, where that is at hand.
 * Throws `DomainError('base-missing')` when `base` is given and not there.
 */
export async function checkAdapters(
  adapters: readonly FoundAdapter[],
  options: {
    readonly base?: string | undefined;
    readonly environment: Environment;
    readonly onProgress?: (adapter: string, doneBytes: number, totalBytes: number) => void;
  },
): Promise<CheckedAdapter[]> {
  const { environment } = options;
  const given = options.base === undefined ? undefined : await givenBase(options.base, environment);
  const lookUp = basesByName(environment);
  const checked: { label: string; folder: string; base: string | null; validation: AdapterValidation }[] = [];
  for (const { label, folder, names, findings } of adapters) {
    const base = given ? { found: given, findings: [] } : await lookUp(folder, names);
    const validation = await checkFolder(folder, names, {
      baseTensors: base.found?.tensors,
      onProgress: (done, total) => options.onProgress?.(label, done, total),
    });
    checked.push({
      label,
      folder,
      base: base.found?.folder ?? null,
      validation: withFindings(validation, findings, base.findings),
    });
  }
  const duplicates = duplicatesOf(checked);
  return checked.map(({ label, folder, base, validation }, i) => {
    return { adapter: label, folder, base, ok: validation.ok, duplicate: duplicates[i] ?? null, validation };
  });
}

async function givenBase(name: string, environment: Environment): Promise<FoundBase> {
  const base = await findBase(name, environment, { from: process.cwd() });
  if (base) return base;
  throw new DomainError(
    'base-missing',
    `${name} is not a folder here, and the local Hugging Face cache does not have it; download it (hf download ${name}) or give a folder.`,
  );
}

interface NamedBase {
  readonly found?: FoundBase | undefined;
  readonly findings: readonly Finding[];
}

/** Looks a base up by the config of the adapter in a folder; each name once. */
function basesByName(environment: Environment): (folder: string, names: readonly string[]) => Promise<NamedBase> {
  const known = new Map<string, Promise<NamedBase>>();
  return async (folder, names) => {
    const named = names.includes(adapterConfigName) ? await baseName(folder) : undefined;
    if (named === undefined) return { findings: [] }; // the config's own findings say why
    const key = JSON.stringify([named, dirname(folder)]);
    const before = known.get(key);
    if (before) return before;
    const looking = lookUpBase(named, dirname(folder), environment);
    known.set(key, looking);
    return looking;
  };
}

async function lookUpBase(
  { name, revision }: { readonly name: string; readonly revision: string | null },
  beside: string,
  environment: Environment,
): Promise<NamedBase> {
  const warning = (code: string, message: string): NamedBase => ({
    findings: [{ severity: 'warning', code, message, where: 'base_model_name_or_path' }],
  });
  if (name === '')
    return warning('base-missing', 'the config names no base, so only what needs none was checked; give --base');
  try {
    const found =
      (await findBase(name, environment, { from: process.cwd(), revision })) ??
      (await findBase(name, environment, { from: beside, revision }));
    if (found) return { found, findings: [] };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return warning('base-unreadable', `the base ${name} is here, but cannot be read: ${error.message}`);
  }
  return warning(
    'base-missing',
    `the base ${name} is not here, so only what needs none was checked; give --base or download it`,
  );
}

/** Undefined where the config cannot be read. */
async function baseName(folder: string): Promise<{ name: string; revision: string | null } | undefined> {
  try {
    const { baseModel, revision } = readAdapterConfig(
      JSON.parse(await readFile(join(folder, adapterConfigName), 'utf8')),
    );
    return { name: baseModel ?? '', revision };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The findings of the search stand with those of the adapter itself. */
function withFindings(
  validation: AdapterValidation,
  ofSearch: readonly Finding[],
  ofBase: readonly Finding[],
): AdapterValidation {
  if (ofSearch.length === 0) return { ...validation, findings: [...validation.findings, ...ofBase] };
  return { ...validation, ok: false, findings: [...ofSearch] };
}
