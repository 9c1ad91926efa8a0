import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BaseTensors } from '../../shared/records/base-tensors.ts';
import type { BaseRecord } from '../../shared/records/bases.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import { packingName } from '../../shared/formats/packing.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { chatTemplateTexts } from '../../shared/text/chat-template-texts.ts';
import type { CheckpointTensor } from '../folders/checkpoint-tensor.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { exists, readJsonFile, readTextFile } from '../folders/files.ts';
import { tunedModel } from '../methods/tuned-model.ts';

/** What is said about a base in its record, from its folder. */
export interface BaseFacts extends Pick<
  BaseRecord,
  'architecture' | 'parameters' | 'contextTokens' | 'dtypes' | 'hasChatTemplate'
> {
  readonly tensors: BaseTensors;
  /** Names of the files that hold weights. */
  readonly weightFiles: readonly string[];
  /** Warnings; that this installation cannot run it (`architecture-unsupported`) is one of them. */
  readonly findings: readonly Finding[];
}

/**
 * Reads what a base is off its config and the headers of its weights. One that this installation cannot run can still be kept and have
 * adapters. Throws `DomainError` with all findings when it is no model folder at all.
 */
export async function describeBase(folder: string): Promise<BaseFacts> {
  const base = await openBaseModel(folder);
  const findings = [...base.warnings];
  const warn = (code: string, message: string): void => void findings.push({ severity: 'warning', code, message });
  try {
    tunedModel(base);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    warn('architecture-unsupported', `It can be kept, but not trained or run here: ${error.message}`);
  }
  if (!(await exists(join(folder, 'tokenizer.json'))))
    warn('no-tokenizer', 'There is no tokenizer.json: nothing can be trained or evaluated on it.');
  const tensors = [...base.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  return {
    architecture: architectureOf(base.config),
    parameters: tensors.reduce((sum, { shape }) => sum + shapeSize(shape), 0),
    contextTokens: wholeNumber(base.config['max_position_embeddings']),
    dtypes: [...new Set([...base.tensors.values()].map(dtypeName))].toSorted(),
    hasChatTemplate: await hasChatTemplate(folder),
    tensors,
    weightFiles: base.files,
    findings,
  };
}

/** One hash for the weights: bases with the same are the same. */
export function hashOfWeights(files: readonly StoredFile[], weightFiles: readonly string[]): string {
  const hash = createHash('sha256');
  for (const { path, sha256 } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
    if (weightFiles.includes(path)) hash.update(JSON.stringify([path, sha256]));
  return hash.digest('hex');
}

function architectureOf(config: Readonly<Record<string, unknown>>): string | null {
  const { architectures, model_type: type } = config as { architectures?: unknown; model_type?: unknown };
  const first: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  return typeof first === 'string' ? first : typeof type === 'string' ? type : null;
}

const dtypeName = ({ dtype, packed }: CheckpointTensor): string => (packed ? packingName(packed.packing) : dtype);

const wholeNumber = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null); // just tested

async function hasChatTemplate(folder: string): Promise<boolean> {
  const config = join(folder, 'tokenizer_config.json');
  const jinja = join(folder, 'chat_template.jinja');
  const tokenizerConfig = (await exists(config)) ? await readJsonFile(config) : undefined;
  const jinjaFile = (await exists(jinja)) ? await readTextFile(jinja) : undefined;
  return chatTemplateTexts({ tokenizerConfig, jinjaFile }) !== undefined;
}
