import type { RopeScaling, RopeSpec } from '../nn/rotary.ts';
import type { ConfigReader } from './config-reader.ts';
import { entryReader, type ConfigEntry } from './entry-reader.ts';
import { ropeScalings, type RopeContext, type RopeScalingName } from './rope-scalings.ts';

/** Where a config says how to turn: the key of theta, and the entries that may hold scaling and theta, the first of them first. */
export interface RopePlace {
  readonly thetaKey: string;
  readonly entries: readonly { readonly key: string; readonly entry: ConfigEntry | undefined }[];
}

/**
 * Reads the rotary embedding of a config: `rope_theta` and `rope_scaling` as transformers 4 writes them, or `rope_parameters` as
 * transformers 5 does. Both at once must agree.
 */
export function readRope(reader: ConfigReader, context: RopeContext): RopeSpec {
  const entries = ['rope_parameters', 'rope_scaling'].map((key) => ({ key, entry: reader.entry(key) }));
  return readRopeAt(reader, { thetaKey: 'rope_theta', entries }, context);
}

/** The same from other keys. */
export function readRopeAt(reader: ConfigReader, { thetaKey, entries }: RopePlace, context: RopeContext): RopeSpec {
  const { headDim } = context;
  const outer = reader.has(thetaKey) ? reader.positiveNumber(thetaKey) : undefined;
  const inner = entries.find(({ entry }) => typeof entry?.['rope_theta'] === 'number');
  const nested = inner?.entry?.['rope_theta'];
  if (outer !== undefined && typeof nested === 'number' && nested !== outer)
    reader.refuse(thetaKey, `${outer} contradicts the ${nested} of ${inner?.key}.`);
  if (headDim % 2 !== 0) reader.refuse('head_dim', `${headDim} is odd; rotary embedding turns pairs.`);
  const scaled = entries.find(({ entry }) => entry !== undefined);
  return {
    dim: headDim,
    theta: typeof nested === 'number' ? nested : (outer ?? context.theta ?? 10_000),
    scaling: scaled?.entry ? readScaling(reader, scaled.key, scaled.entry, context) : { type: 'none' },
  };
}

const alwaysKnown: readonly RopeScalingName[] = ['default', 'linear', 'dynamic', 'llama3', 'yarn'];

function readScaling(reader: ConfigReader, key: string, entry: ConfigEntry, context: RopeContext): RopeScaling {
  if (entry['type'] !== undefined && entry['rope_type'] !== undefined && entry['type'] !== entry['rope_type'])
    reader.refuse(
      `${key}.type`,
      `${JSON.stringify(entry['type'])} contradicts rope_type ${JSON.stringify(entry['rope_type'])}.`,
    );
  const type = entry['rope_type'] ?? entry['type'] ?? 'default';
  const known = context.scalings ?? alwaysKnown;
  const name = known.find((other) => other === type);
  if (name === undefined) {
    reader.refuse(`${key}.rope_type`, `${JSON.stringify(type)} is not supported; known are ${known.join(', ')}.`);
    return { type: 'none' };
  }
  const scaling = ropeScalings[name];
  for (const other of Object.keys(entry))
    if (
      !['rope_type', 'type', 'rope_theta', ...scaling.keys, ...(context.ownKeys ?? [])].includes(other) &&
      entry[other] !== null
    )
      reader.refuse(`${key}.${other}`, 'This key is not known for its type of scaling.');
  return scaling.read(entryReader(reader, key, entry), context);
}
