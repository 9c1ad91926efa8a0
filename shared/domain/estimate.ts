import type { z } from 'zod';
import type { SingleRequest } from '../contract/job-requests.ts';
import type { estimateSchema } from '../contract/jobs.ts';
import { jobDiskBytes } from './disk-bytes.ts';
import { isPacked, tokensOf, type EstimateSubject } from './estimate-subject.ts';
import { estimateTrain, leastTrainBytes, trainedValues } from './estimate-train.ts';
import { bytesLeft, leftBytes, type LeftBytes } from './left-bytes.ts';
import { modelShape, type ModelShape } from './model-shape.ts';
import { startSeconds, usualRate, writtenSeconds } from './step-cost.ts';

export type Estimate = z.output<typeof estimateSchema>;

/**
 * What a job is expected to take on a machine with so much memory, from counts alone: no row has been read as tokens. Time is right within a
 * factor of about three where the machine is the one that `basis` names; memory is meant to be above what is used.
 */
export function estimateJob(subject: EstimateSubject, availableBytes = Infinity): Estimate {
  const diskBytes = Math.round(jobDiskBytes({ ...subject, trained: trainedValues(subject) }));
  return { ...estimateWork(subject, availableBytes), diskBytes, storedBytes: bytesLeft(estimateLeft([subject])) };
}

/** What a job may leave in the store; `subjects`: each of several tasks as the training that it would be by itself. */
export function estimateLeft(subjects: readonly EstimateSubject[]): LeftBytes {
  const each = subjects.map((subject) => leftBytes({ ...subject, trained: trainedValues(subject) }));
  return {
    outputBytes: each.flatMap(({ outputBytes }) => outputBytes),
    traceBytes: sum(each.map((one) => one.traceBytes)),
  };
}

/** Bytes that a job takes at least, computed in the most frugal way. */
export function leastBytes(subject: EstimateSubject): number {
  const { request } = subject;
  return request.kind === 'train' ? leastTrainBytes(subject, request) : estimateJob(subject).memoryBytes;
}

/** All but the disk and the store. */
type Work = Omit<Estimate, 'diskBytes' | 'storedBytes'>;

function estimateWork(subject: EstimateSubject, availableBytes: number): Work {
  const { request } = subject;
  switch (request.kind) {
    case 'train':
      return estimateTrain(subject, request, availableBytes);
    case 'evaluate':
      return estimateEvaluate(subject, request.rowsMax);
    case 'generate':
      return estimateGenerate(subject, request);
    case 'compose':
      return passing(sum(subject.adapterParameters) * 4 * 2, sum(subject.adapterParameters) * 4);
    case 'merge':
      // read, written, and read again for the check
      return passing(subject.baseBytes * 3, mergeMemoryBytes);
    case 'export':
      return passing(subject.baseBytes * 2 + sum(subject.adapterParameters) * 8, mergeMemoryBytes);
  }
}

function estimateEvaluate(subject: EstimateSubject, rowsMax = Infinity): Work {
  const { parameters, datasets } = subject;
  const [data] = datasets;
  const share = Math.min(1, rowsMax / Math.max(1, data?.rows ?? 0));
  const tokens = Math.round(tokensOf(data) * share);
  const memoryBytes = forwardMemory(subject, { tokens: evaluateTokens, length: evaluatePackTokens });
  return {
    tokens,
    steps: null,
    stepsAreExact: false,
    memoryBytes,
    seconds: time(tokens * 2 * parameters),
    training: null,
    basis,
  };
}

function estimateGenerate(
  subject: EstimateSubject,
  { prompts, maxNewTokens }: Extract<SingleRequest, { kind: 'generate' }>,
): Work {
  const { parameters } = subject;
  const lengths = prompts.map((prompt) => tokensOf({ sizeBytes: JSON.stringify(prompt).length }));
  const longest = Math.ceil(Math.max(...lengths)) + maxNewTokens;
  const written = prompts.length * maxNewTokens;
  const tokens = Math.round(sum(lengths)) + written;
  const memoryBytes = forwardMemory(subject, { tokens: longest, length: longest });
  const seconds = time(sum(lengths) * 2 * parameters) + writtenSeconds(written, parameters, usualRate);
  return { tokens, steps: null, stepsAreExact: false, memoryBytes, seconds, training: null, basis };
}

/** Nothing is kept for a backward pass: one layer at a time, and the scores of the vocabulary. */
function forwardMemory(subject: EstimateSubject, batch: BatchShape): number {
  const activations = activationBytes({ ...modelShape(subject.tensors), layers: 1 }, batch);
  return memory({ weights: weightsInUse(subject), state: 0, activations });
}

/** Frozen weights that only go forward: as they are stored where some are packed, and unpacked one at a time; else a float32 copy and another. */
const weightsInUse = (subject: EstimateSubject): number =>
  isPacked(subject) ? subject.baseBytes : subject.parameters * weightBytes;

/** A job that passes over files and computes little. */
function passing(bytes: number, heldBytes: number): Work {
  const memoryBytes = memory({ weights: 0, state: 0, activations: heldBytes });
  return {
    tokens: null,
    steps: null,
    stepsAreExact: false,
    memoryBytes,
    seconds: startSeconds + bytes / diskBytesPerSecond,
    training: null,
    basis: passingBasis,
  };
}

/** Tokens that go through the model at once, in sequences of this length. */
interface BatchShape {
  readonly tokens: number;
  readonly length: number;
}

/** What a backward pass needs of the forward pass, as float32, and the scores of the vocabulary with their gradient. */
function activationBytes(shape: ModelShape, batch: BatchShape): number {
  return (
    shape.layers * (stateBytes(shape, batch) + scoreBytes(shape, batch)) +
    3 * scoreBytes(shape, batch) +
    12 * batch.tokens * shape.vocabulary
  );
}

/** States that one layer keeps. */
function stateBytes({ hidden, keyValue, intermediate }: ModelShape, { tokens }: BatchShape): number {
  return 4 * tokens * (6 * hidden + 2 * keyValue + 4 * intermediate);
}

/** Scores of one layer's attention, a quarter of which is never computed. */
function scoreBytes({ hidden, headSize }: ModelShape, { tokens, length }: BatchShape): number {
  return 0.75 * 4 * tokens * length * (hidden / headSize);
}

function memory({ weights, state, activations }: { weights: number; state: number; activations: number }): number {
  return Math.round((weights + state) * allocatorFactor + activations * activationFactor + processBytes);
}

const time = (operations: number): number => startSeconds + operations / operationsPerSecond;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Two cores of a laptop multiply matrices at 250 GFLOP/s and train at somewhat more than half of it. */
const operationsPerSecond = 150e9;
const diskBytesPerSecond = 200e6;
const processBytes = 400e6;
/** What is allocated beyond what is in use. */
const allocatorFactor = 1.1;
/** What the runtime's arena holds beyond the largest sum of activations, as measured. */
const activationFactor = 1.5;
/** A float32 weight, and its copy in the order in which the runtime multiplies. */
const weightBytes = 8;
const mergeMemoryBytes = 500e6;
/** Length up to which an evaluation packs rows. */
const evaluatePackTokens = 256;
/** Tokens of an evaluation that go through the model at once. */
const evaluateTokens = 2048;

const basis =
  'Counts of the base and the dataset, four bytes a token, float32, and two CPU cores at 150 GFLOP/s: time may be off by a factor of three, more on another machine.';
const passingBasis = 'Bytes that are read and written, at 200 MB/s.';
