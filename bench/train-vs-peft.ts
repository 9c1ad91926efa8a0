/** A training step of ours against one of torch, transformers and PEFT: same weights, tokens, type, threads, in processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeAdapterFolder } from '../gpu-job/folders/adapter.ts';
import { loraA, loraB } from '../gpu-job/methods/lora-variant.ts';
import { UnavailableError } from '../shared/errors.ts';
import { loraConfigSchema } from '../shared/methods/lora.ts';
import { places } from '../test/real/places.ts';
import { preparePython } from '../test/real/prepare.ts';
import { median } from './median.ts';
import { caseShape, caseText, prepareTrainCase } from './train-case.ts';

const steps = { warmUp: 3, timed: 10 };

export async function benchTrainVsPeft(): Promise<Record<string, unknown>> {
  await mkdir(places.cache, { recursive: true });
  await preparePython().catch((error: unknown) => {
    throw new UnavailableError(`torch and PEFT cannot be installed, with which to compare: ${String(error)}`);
  });
  const inputs = await writeInputs();
  const threads = String(availableParallelism());
  const python = (mode: string): readonly string[] => [
    places.python,
    script('train_with_peft.py'),
    ...inputs,
    mode,
    threads,
  ];
  const lorary = (memory: string): readonly string[] => [
    process.execPath,
    '--import',
    'tsx',
    script('train-with-lorary.ts'),
    threads,
    memory,
  ];
  const ours = await begin(lorary('fast'));
  const middle = await begin(lorary('middle'));
  const eager = await begin(python('eager'));
  const compiled = await begin(python('compile'), true);
  const runners = [ours, middle, eager, compiled];
  try {
    // in turn, so that what else the machine does strikes all alike
    for (let i = 0; i < steps.warmUp + steps.timed; i++) for (const runner of runners) await runner.step();
  } finally {
    for (const { child } of runners) child.kill();
  }
  const secondsOf = ({ taken }: Runner): number =>
    taken.length < steps.warmUp + steps.timed
      ? Infinity
      : median(taken.slice(steps.warmUp).map((step) => step.seconds));
  const peer = secondsOf(compiled) < secondsOf(eager) ? compiled : eager;
  const lossDifferences = [ours, middle].flatMap(({ taken }) =>
    taken.map(({ loss }, i) => Math.abs(loss - (peer.taken[i]?.loss ?? NaN))),
  );
  const peakOf = ({ taken }: Runner): number => taken.at(-1)?.peakRssMb ?? NaN;
  return {
    bench: 'train-vs-peft',
    shape: caseText,
    threads: Number(threads),
    stepSeconds: secondsOf(ours),
    eagerStepSeconds: secondsOf(eager),
    compiledStepSeconds: compiled.failure ?? secondsOf(compiled),
    peer: peer === compiled ? 'torch.compile' : 'eager',
    tokensPerSecond: caseShape.length / secondsOf(ours),
    tokensRatio: secondsOf(peer) / secondsOf(ours),
    peakRssMb: peakOf(ours),
    peerPeakRssMb: peakOf(peer),
    memoryRatio: peakOf(ours) / peakOf(peer),
    middleStepSeconds: secondsOf(middle),
    middleOverFast: secondsOf(middle) / secondsOf(ours),
    middleTokensRatio: secondsOf(peer) / secondsOf(middle),
    middlePeakRssMb: peakOf(middle),
    middleMemoryRatio: peakOf(middle) / peakOf(peer),
    sessionSeconds: ours.sessionSeconds,
    middleSessionSeconds: middle.sessionSeconds,
    lossDifferenceMax: Math.max(...lossDifferences),
    firstLoss: ours.taken[0]?.loss,
    lastLoss: ours.taken.at(-1)?.loss,
  };
}

interface Taken {
  readonly seconds: number;
  readonly loss: number;
  readonly peakRssMb: number;
}

interface Runner {
  readonly child: ChildProcess;
  /** Of ours: what it took to open the graph. */
  readonly sessionSeconds: number | undefined;
  readonly taken: readonly Taken[];
  /** Why it takes no more steps. */
  readonly failure: string | undefined;
  step(): Promise<void>;
}

/** Starts a process that takes a step for each line. One that `mayFail`, as `torch.compile` does without a compiler, then takes none. */
async function begin([file = '', ...args]: readonly string[], mayFail = false): Promise<Runner> {
  const child = spawn(file, args, { cwd: places.root, stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.on('data', (piece: Buffer) => (words = (words + piece.toString()).slice(-500)));
  child.stdin.on('error', () => undefined); // it has ended, which its lines tell
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const taken: Taken[] = [];
  let failure: string | undefined;
  const next = async (): Promise<unknown> => {
    const { value, done } = (await lines.next()) as IteratorResult<string, undefined>;
    if (!done) return JSON.parse(value);
    failure = `ended: ${words.trim().split('\n').at(-1) ?? ''}`;
    if (!mayFail) throw new Error(`${args.join(' ')} ${failure}\n${words}`);
    return undefined;
  };
  const ready = (await next()) as { readonly sessionSeconds?: number } | undefined; // as both scripts print it
  return {
    child,
    sessionSeconds: ready?.sessionSeconds,
    taken,
    get failure() {
      return failure;
    },
    async step() {
      if (failure !== undefined) return;
      child.stdin.write('\n');
      const step = await next();
      if (step !== undefined) taken.push(step as Taken); // as both scripts print it
    },
  };
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The base, the adapter that both begin with, and the tokens. */
async function writeInputs(): Promise<readonly [base: string, adapter: string, tokens: string]> {
  const { model, values, rows } = await prepareTrainCase();
  const folder = join('.cache', 'bench', 'peft');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { rank: r, scaling } = caseShape;
  const config = loraConfigSchema.parse({
    r,
    lora_alpha: r * scaling,
    target_modules: 'all-linear',
    base_model_name_or_path: basename(model.base.path),
  });
  const valuesOf = (name: string): Float32Array => values.get(name) ?? new Float32Array();
  const modules = model.linears.map(({ module, inFeatures, outFeatures }) => {
    const [A, B] = [valuesOf(loraA(module)), valuesOf(loraB(module))];
    return { module, r, inFeatures, outFeatures, scaling, A, B };
  });
  await writeAdapterFolder(join(folder, 'adapter'), { config, modules }, { dtype: 'F32', readme: '' });
  await writeFile(join(folder, 'tokens.json'), JSON.stringify([...(rows[0]?.tokens ?? [])]));
  return [model.base.path, join(folder, 'adapter'), join(folder, 'tokens.json')];
}
