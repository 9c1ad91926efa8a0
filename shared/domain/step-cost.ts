import type { ModelShape } from './model-shape.ts';
import type { StepMemory } from './step-memory.ts';

/** A step of training, as far as counts tell it. */
export interface StepSubject {
  readonly shape: ModelShape;
  /** Of the base: all its values, the bytes of its files, and of one stored value, on average. */
  readonly parameters: number;
  readonly weightBytes: number;
  readonly elementBytes: number;
  /** Whether its matrices are packed in few bits, and unpacked for each product. */
  readonly packed: boolean;
  /** Values that are trained. */
  readonly trained: number;
  /** Sum of the ranks of the adapters of one layer; undefined: every weight is trained. */
  readonly layerRank: number | undefined;
  /** Whether adapters drop inputs. */
  readonly dropout: boolean;
  /** Graphs that are open at once and multiply by the same weights: the step's, and those that look at the model in training. */
  readonly sessions: number;
  /** Workers that take steps at once, each with a graph of its own; absent: one. */
  readonly workers?: number;
  /** What goes through the model at once. */
  readonly rows: number;
  readonly length: number;
}

/** Bytes at the peak of a step, by what they are. */
export interface StepBytes {
  /** The process, the runtime and its graph. */
  readonly process: number;
  /** Frozen weights: mapped from their files, or copied in the order in which they are multiplied. */
  readonly weights: number;
  /** Values that are trained, their gradients and moments. */
  readonly trained: number;
  /** What the graph holds of what it computes. */
  readonly live: number;
}

export const totalBytes = ({ process, weights, trained, live }: StepBytes): number =>
  process + weights + trained + live;

/** What a step takes at its peak: counted where the graph was, or from `liveStepBytes`. */
export function stepBytes(
  subject: StepSubject,
  memory: StepMemory,
  liveBytes = liveStepBytes(subject, memory),
): StepBytes {
  const { shape, trained, layerRank, workers = 1 } = subject;
  const perLayer = memory.recompute ? graphBytesOfLayer.recomputed : graphBytesOfLayer.plain;
  return {
    process: processBytes + workers * shape.layers * perLayer,
    weights: layerRank === undefined ? 0 : frozenBytes(subject, memory),
    // value, two moments, sum over micro-batches; of each worker a gradient, and that as it leaves the runtime
    trained: trained * 4 * (4 + 2 * workers),
    live: workers * liveBytes * arenaFactor,
  };
}

function frozenBytes(
  { shape, parameters, weightBytes, elementBytes, packed, sessions, workers = 1 }: StepSubject,
  { prepack }: StepMemory,
): number {
  const embedding = shape.vocabulary * shape.hidden;
  // an output embedding that is cast in parts is mapped once more for its rows
  if (!prepack || packed) return weightBytes + (packed || elementBytes < 3 ? 2 * embedding : 0);
  // in one order for each direction, as float32; beside them the table that words are looked up in
  const multiplied = parameters - (shape.tied ? 0 : embedding);
  // one that only goes forward needs one order
  return (2 * workers + sessions - 1) * 4 * multiplied + elementBytes * embedding;
}

/**
 * What the graph of a step holds at its peak, in closed form: numbers for each token of what is kept, plus the largest of the three places where more is needed for a
 * while. The factors count values in the graph; a test holds them against `peakLiveBytes` of real graphs.
 */
export function liveStepBytes(subject: StepSubject, memory: StepMemory): number {
  const { shape, rows, length, layerRank = 0, elementBytes, packed } = subject;
  const { layers, hidden, queries, keyValue, intermediate, vocabulary, headSize } = shape;
  const tokens = rows * length;
  const heads = queries / headSize;
  const { attentionBlock: block } = memory;
  const scores = (share: number): number => (block === undefined ? share * length * heads : 0);

  const layer = keptByLayer(subject, memory);
  const widths = 3 * intermediate + (3 * layerRank) / 7;
  const attention =
    block === undefined
      ? scores(0.95) + 4 * queries - 3 * intermediate
      : 2 * Math.min(block, length) * heads + 4 * queries + 6 * keyValue - 3 * intermediate;
  const inLayer = Math.max(widths, attention);
  const inLoss = (2 * vocabulary) / memory.lossChunks + 2 * hidden;
  // weights of two bytes are cast where they are used, unless that was done when the graph was opened
  const cast = (weights: number): number => (memory.prepack || packed || elementBytes > 3 ? 0 : 4 * weights * hidden);
  // of the output embedding, which is not packed, one part at a time
  const headCast =
    packed && !memory.prepack ? (4 * vocabulary * hidden) / memory.lossChunks : cast(vocabulary / memory.lossChunks);
  const unpacked = packed ? 2 * 4 * hidden * intermediate : 0; // the largest matrix of a layer, and what it is made of one step before
  const kept = memory.recompute ? layers * hidden : layers * layer;
  const again = memory.recompute ? layer : 0;
  // those of a layer that is computed again are kept for its way back, else each is cast again
  const layerCasts = (ofDown: number): number =>
    cast(memory.recompute ? 2 * queries + 2 * keyValue + (1 + ofDown) * intermediate : intermediate);
  return Math.max(
    4 * tokens * (kept + inLoss) + headCast,
    4 * tokens * (kept + again) + layerCasts(2) + unpacked,
    4 * tokens * (kept + again + inLayer) + layerCasts(1) + unpacked,
  );
}

/** Numbers that one layer keeps of each token for its backward pass. */
function keptByLayer({ shape, length, layerRank = 0, dropout }: StepSubject, { attentionBlock }: StepMemory): number {
  const { hidden, queries, keyValue, intermediate, headSize } = shape;
  const dropped = dropout ? 2 * (4 * hidden + queries + 2 * hidden + intermediate) : 0;
  const states = 4 * hidden + 3 * queries + 2 * keyValue + 4 * intermediate + (12 / 7) * layerRank + 2 + dropped;
  // a quarter of the scores is never computed; halves of the keys are copied
  return attentionBlock === undefined ? states + keyValue + (0.75 * length * queries) / headSize : states;
}

/** What a machine does. */
export interface MachineRate {
  /** Products of large float32 matrices, in operations a second. */
  readonly flopsPerSecond: number;
  /** Numbers that a pass over small arrays reads and writes, in bytes a second. */
  readonly passBytesPerSecond: number;
}

/** Two cores of a laptop. */
export const usualRate: MachineRate = { flopsPerSecond: 250e9, passBytesPerSecond: 30e9 };

/** Seconds of one forward and backward pass. */
export function stepSeconds(subject: StepSubject, memory: StepMemory, rate: MachineRate): number {
  const { shape, parameters, trained, layerRank, rows, length } = subject;
  const { layers, hidden, queries, keyValue, intermediate, vocabulary, headSize } = shape;
  const tokens = rows * length;
  const again = memory.recompute ? 1 : 0;
  const embedding = vocabulary * hidden;
  const linears = parameters - embedding * (shape.tied ? 1 : 2);
  const full = layerRank === undefined;
  const plain = 2 * tokens * ((2 + again + (full ? 1 : 0)) * linears + (2 + (full ? 1 : 0)) * embedding);
  const adapters = full ? 0 : 2 * tokens * trained * (3 + again);
  const { attentionBlock: block } = memory;
  const share = block === undefined ? 0.75 : Math.min(1, (1 + Math.min(block, length) / length) / 2);
  const attention = 2 * tokens * length * queries * share * layers * (2 + 2 * again + (block === undefined ? 4 : 5));
  const products =
    plain / (memory.prepack ? productShare.packed : productShare.plain) +
    adapters / productShare.adapters +
    attention / productShare.attention;
  const perToken = again
    ? 80 * hidden + 27 * queries + 44 * intermediate + 30 * keyValue
    : 64 * hidden + 24 * queries + 33 * intermediate + 24 * keyValue;
  const passes = (6 + 4 * again) * share * length * (queries / headSize);
  const passed = 4 * tokens * (layers * (perToken + passes) + 4 * vocabulary);
  return products / rate.flopsPerSecond + passed / rate.passBytesPerSecond;
}

/** Seconds of a pass without a way back. */
export const forwardSeconds = (tokens: number, parameters: number, { flopsPerSecond }: MachineRate): number =>
  (2 * tokens * parameters) / flopsPerSecond;

/** Seconds of tokens that are written one by one: each waits for every weight to come from memory, which gives a third of what passes over small arrays see. */
export const writtenSeconds = (tokens: number, parameters: number, { passBytesPerSecond }: MachineRate): number =>
  (tokens * parameters * 4) / (passBytesPerSecond / 3);

/** Process, modules, tokenizer and graph. */
export const startSeconds = 5;

/** Seconds in which the host makes new values of gradients that came in so many parts: one thread, as `npm run bench -- optimizer` measures it. */
export const updateSeconds = (trained: number, parts: number): number =>
  trained * (secondsOfValue.norm + secondsOfValue.update + secondsOfValue.sum * (parts - 1));

const secondsOfValue = { norm: 1.05e-9, update: 4.3e-9, sum: 1.75e-9 } as const;

/** Process with the runtime loaded, and what the runtime takes to hold the graph of one layer. As measured. */
const processBytes = 150e6;
const graphBytesOfLayer = { plain: 1.8e6, recomputed: 3e6 } as const;

/** What the runtime's allocator takes beyond what is held at one time, as measured. */
const arenaFactor = 1.12;

/** Share of the rate of large products that those of a step reach, as `npm run bench -- profile` measures it. */
const productShare = { packed: 0.97, plain: 0.92, attention: 0.76, adapters: 0.38 } as const;
