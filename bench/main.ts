import { UnavailableError } from '../shared/errors.ts';

type Bench = () => Promise<Record<string, unknown>>;

/** Every benchmark by name; each resolves to one flat object. Loaded only when it runs: the memory of one is not that of all. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  train: async () => (await import('./train.ts')).benchTrain.bind(undefined, 'smollm2-135m', 1, 512),
  'train-4x256': async () => (await import('./train.ts')).benchTrain.bind(undefined, 'smollm2-135m', 4, 256),
  'train-1x2048': async () => (await import('./train.ts')).benchTrain.bind(undefined, 'smollm2-135m', 1, 2048),
  'train-0.5b': async () => (await import('./train.ts')).benchTrain.bind(undefined, 'qwen2.5-0.5b', 1, 512),
  'train-lean': async () => (await import('./train-lean.ts')).benchTrainLean.bind(undefined, 'F32'),
  'train-lean-bf16': async () => (await import('./train-lean.ts')).benchTrainLean.bind(undefined, 'BF16'),
  'train-qlora': async () => (await import('./train-qlora.ts')).benchTrainQlora,
  'train-tasks': async () => (await import('./train-tasks.ts')).benchTrainTasks,
  batches: async () => (await import('./batches.ts')).benchBatches,
  estimate: async () => (await import('./estimate.ts')).benchEstimate,
  'train-vs-peft': async () => (await import('./train-vs-peft.ts')).benchTrainVsPeft,
  optimizer: async () => (await import('./optimizer.ts')).benchOptimizer,
  profile: async () => (await import('./profile.ts')).benchProfile,
  merge: async () => (await import('./merge.ts')).benchMerge,
  upload: async () => (await import('./upload.ts')).benchUpload,
  api: async () => (await import('./api.ts')).benchApi,
  'api-aws': async () => (await import('./api-aws.ts')).benchApiAws,
  'cold-start': async () => (await import('./cold-start.ts')).benchColdStart,
};

/** `npm run bench -- <name> [--json]`: runs one benchmark and prints its figures, with `--json` as one line of JSON. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args.filter((arg) => arg !== '--json');
  const load = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!load || rest.length > 0) {
    process.stderr.write(`usage: npm run bench -- <${Object.keys(benches).join(' | ')}> [--json]\n`);
    return 2;
  }
  const bench = await load();
  const figures = await bench().catch(toldWhenUnavailable);
  if (!figures) return 75;
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else
    for (const [key, value] of Object.entries(figures))
      process.stdout.write(
        `${key.padEnd(24)} ${typeof value === 'number' ? Number(value.toPrecision(4)) : JSON.stringify(value)}\n`,
      );
  return 0;
}

/** What this machine cannot measure is no bug. */
function toldWhenUnavailable(error: unknown): undefined {
  if (!(error instanceof UnavailableError)) throw error;
  process.stderr.write(`${error.message}\n`);
}

process.exitCode = await main(process.argv.slice(2));
