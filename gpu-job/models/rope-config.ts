import type { RopeScaling, RopeSpec } from '../nn/rotary.ts';
import type { ConfigReader } from './config-reader.ts';

type Entry = Readonly<Record<string, unknown>>;

/**
 * Reads the rotary embedding of a config: `rope_theta` and `rope_scaling` as transformers 4 writes them, or `rope_parameters` as
 * transformers 5 does. Both at once must agree.
 */
export function readRope(reader: ConfigReader, headDim: number, maxPositions: number): RopeSpec {
  const scalingEntry = entryOf(reader, 'rope_scaling');
  const parametersEntry = entryOf(reader, 'rope_parameters');
  const entry = parametersEntry ?? scalingEntry;
  const key = parametersEntry ? 'rope_parameters' : 'rope_scaling';
  const nested = parametersEntry?.['rope_theta'] ?? scalingEntry?.['rope_theta'];
  const outer = reader.has('rope_theta') ? reader.positiveNumber('rope_theta') : undefined;
  if (outer !== undefined && typeof nested === 'number' && nested !== outer)
    reader.refuse('rope_theta', `${outer} contradicts the ${nested} of ${key}.`);
  const theta = typeof nested === 'number' ? nested : (outer ?? 10_000);
  if (headDim % 2 !== 0) reader.refuse('head_dim', `${headDim} is odd; rotary embedding turns pairs.`);
  return { headDim, theta, scaling: entry ? readScaling(reader, key, entry, maxPositions) : { type: 'none' } };
}

function readScaling(reader: ConfigReader, key: string, entry: Entry, maxPositions: number): RopeScaling {
  const number = (name: string): number => {
    const value = entry[name];
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    reader.refuse(`${key}.${name}`, `${JSON.stringify(value) ?? 'nothing'} is not a positive number.`);
    return 1;
  };
  const allow = (...names: string[]): void => {
    for (const name of Object.keys(entry))
      if (!['rope_type', 'type', 'rope_theta', ...names].includes(name) && entry[name] !== null)
        reader.refuse(`${key}.${name}`, 'This key is not known for its type of scaling.');
  };
  if (entry['type'] !== undefined && entry['rope_type'] !== undefined && entry['type'] !== entry['rope_type'])
    reader.refuse(
      `${key}.type`,
      `${JSON.stringify(entry['type'])} contradicts rope_type ${JSON.stringify(entry['rope_type'])}.`,
    );
  const type = entry['rope_type'] ?? entry['type'] ?? 'default';
  if (type === 'default') {
    allow();
    return { type: 'none' };
  }
  if (type === 'linear') {
    allow('factor');
    return { type: 'linear', factor: number('factor') };
  }
  if (type === 'llama3') {
    allow('factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings');
    const [low, high] = [number('low_freq_factor'), number('high_freq_factor')];
    if (low >= high) reader.refuse(`${key}.low_freq_factor`, `${low} must be below high_freq_factor ${high}.`);
    const original =
      entry['original_max_position_embeddings'] === undefined
        ? maxPositions
        : number('original_max_position_embeddings');
    return {
      type: 'llama3',
      factor: number('factor'),
      lowFrequencyFactor: low,
      highFrequencyFactor: high,
      originalMaxPositions: original,
    };
  }
  reader.refuse(`${key}.rope_type`, `${JSON.stringify(type)} is not supported; known are default, linear, llama3.`);
  return { type: 'none' };
}

function entryOf(reader: ConfigReader, key: string): Entry | undefined {
  const value = reader.value(key);
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Entry; // checked to be a plain object
  reader.refuse(key, `${JSON.stringify(value)} is not an object.`);
  return undefined;
}
