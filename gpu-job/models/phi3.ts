import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { RopeSpec } from '../nn/rotary.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, sameRope, type CommonSpec } from './decoder-config.ts';
import { readRope } from './rope-config.ts';

/** Phi-3 and Phi-4-mini: fused projections, heads that turn in part, and LongRoPE. */
export const phi3: Architecture = { modelTypes: ['phi3'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader, { maxPositions: 4096, rmsNormEpsilon: 1e-5 });
  const window = reader.has('sliding_window') ? reader.positiveInteger('sliding_window') : undefined;
  reader.value('sliding_window');
  // dropout while a model was trained; like attention_dropout it changes nothing that is computed here
  for (const key of ['resid_pdrop', 'embd_pdrop']) reader.value(key);
  for (const key of ['attention_bias', 'mlp_bias', 'lm_head_bias'])
    if (reader.boolean(key, false)) reader.refuse(key, 'The projections of Phi-3 have no biases.');
  // written into the config of Phi-4-mini, read by no version of the model
  for (const key of ['full_attn_mod', 'interpolate_factor'])
    if (reader.positiveNumber(key, 1) !== 1) reader.refuse(key, 'Only 1 is known, which changes nothing.');
  const spec: DecoderSpec = {
    ...common,
    fusedProjections: true,
    ropes: sameRope(common.layers, readPartialRope(reader, common)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
    bias: { qkv: false, o: false, mlp: false },
    windows: Array.from({ length: common.layers }, () => window),
  };
  reader.finish('Phi-3');
  return spec;
}

/** `partial_rotary_factor` of each head turns; it stands beside the rope's entry, or in it, or in both with one value. */
function readPartialRope(reader: ConfigReader, { headDim, maxPositions }: CommonSpec): RopeSpec {
  const key = 'partial_rotary_factor';
  const outer = reader.has(key) ? reader.positiveNumber(key) : undefined;
  const entry = reader.entry('rope_parameters') ?? reader.entry('rope_scaling');
  const inner = entry?.[key] ?? undefined;
  if (inner !== undefined && (typeof inner !== 'number' || inner !== (outer ?? inner)))
    reader.refuse(key, `${JSON.stringify(inner)} of the rope's entry is not ${outer ?? 'a number'}.`);
  const factor = typeof inner === 'number' ? inner : (outer ?? 1);
  if (factor > 1) reader.refuse(key, `${factor} is more than the whole head.`);
  const turning = Math.floor(headDim * factor);
  if (turning % 2 !== 0 || turning === 0)
    reader.refuse(key, `${factor} of ${headDim} is ${turning}; rotary embedding turns pairs.`);
  return readRope(reader, {
    headDim: 2 * Math.max(1, Math.floor(turning / 2)),
    maxPositions,
    originalMaxPositions: reader.positiveInteger('original_max_position_embeddings', 4096),
    scalings: ['default', 'longrope'],
    ownKeys: [key],
  });
}
