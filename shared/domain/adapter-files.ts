import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';

export const adapterConfigName = 'adapter_config.json';
export const adapterWeightsName = 'adapter_model.safetensors';

/** What a file of an adapter's folder is, by its name. */
export type AdapterFileKind = 'config' | 'weights' | 'companion' | 'pickle' | 'other-weights' | 'foreign';

/** Tells by the name, relative to the folder, with `/` between the parts. */
export function adapterFileKind(name: string): AdapterFileKind {
  if (name === adapterConfigName) return 'config';
  if (name === adapterWeightsName) return 'weights';
  const lower = name.toLowerCase();
  if (/\.(bin|pt|pth|pkl|pickle|ckpt|npy|npz|joblib)$/.test(lower)) return 'pickle';
  if (name.includes('/')) return 'foreign';
  if (lower.endsWith('.safetensors')) return 'other-weights';
  return companion.test(lower) ? 'companion' : 'foreign';
}

/** Card, licence, tokenizer, templates, recipe: texts that describe an adapter. */
const companion =
  /(^(license|licence|notice|readme|\.git(attributes|ignore))[^/]*|\.(json|md|txt|jinja|model|yaml|yml))$/;

/**
 * What is wrong with the list of an adapter's files. `refuseOthers`: files that do not belong to an adapter are errors, as in an upload;
 * otherwise warnings, as in a folder of the user's own, of which only the adapter's files are taken.
 */
export function adapterFileFindings(names: readonly string[], options: { readonly refuseOthers: boolean }): Finding[] {
  const findings: Finding[] = [];
  const error = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'error', code, where, message });
  const kinds = new Map(names.map((name) => [name, adapterFileKind(name)] as const));
  const of = (kind: AdapterFileKind): string[] => names.filter((name) => kinds.get(name) === kind);
  if (names.length > limits.adapterFilesMax)
    error(
      'too-many-files',
      'files',
      `there are ${names.length} files; at most ${limits.adapterFilesMax} belong to an adapter`,
    );
  if (!kinds.has(adapterConfigName))
    if (names.includes('config.json'))
      error('base-given', 'config.json', 'this is a whole model; give the folder of an adapter');
    else error('config-missing', adapterConfigName, 'the file is missing; PEFT writes it with save_pretrained');
  const [pickle] = of('pickle').filter((name) => name.startsWith('adapter'));
  const others = of('other-weights');
  if (!kinds.has(adapterWeightsName))
    if (pickle !== undefined)
      error(
        'pickle',
        pickle,
        'a Python pickle can run code when it is loaded and is not read here: load it with PEFT and save it again (save_pretrained writes safetensors)',
      );
    else if (others.length === 1)
      error(
        'weights-missing',
        adapterWeightsName,
        `there is ${others[0]} instead; loaders look for ${adapterWeightsName} only`,
      );
    else if (kinds.has(adapterConfigName) || !names.includes('config.json'))
      error('weights-missing', adapterWeightsName, 'the file is missing; PEFT writes it with save_pretrained');
  if (kinds.has(adapterWeightsName))
    for (const name of others)
      error(
        'several-weights',
        name,
        `beside ${adapterWeightsName}: some engines load every safetensors file of the folder; keep one`,
      );
  const left = options.refuseOthers ? 'remove it' : 'it is left out';
  const severity = options.refuseOthers ? 'error' : 'warning';
  for (const name of of('pickle'))
    if (name !== pickle || kinds.has(adapterWeightsName))
      findings.push({
        severity,
        code: 'pickle',
        where: name,
        message: `a file that can run code when it is loaded; ${left}`,
      });
  for (const name of of('foreign'))
    findings.push({ severity, code: 'foreign-file', where: name, message: `no file of an adapter; ${left}` });
  if (kinds.has(adapterConfigName) && names.includes('config.json'))
    findings.push({
      severity: 'warning',
      code: 'base-config',
      where: 'config.json',
      message: 'beside an adapter it makes some loaders take the folder for a whole model',
    });
  return findings;
}
