/** What is known before a run begins. */
export interface TrainFacts {
  readonly rows: number;
  /** Of the base; null where it is not known. */
  readonly parameters: number | null;
  /** What was asked for is not chosen again. */
  readonly given: ReadonlySet<'r' | 'alpha' | 'learningRate' | 'length' | 'heldOut'>;
  /** Rank that was asked for. */
  readonly r?: number;
}

export interface TrainDefaults {
  readonly r?: number;
  readonly loraAlpha?: number;
  readonly learningRate?: number;
  readonly epochs?: number;
  readonly evalFraction?: number;
  /** One line for each choice. */
  readonly reasons: readonly string[];
}

/** Settings of a LoRA run that were left open, and why each is what it is. */
export function trainDefaults({ rows, parameters, given, r: asked }: TrainFacts): TrainDefaults {
  const reasons: string[] = [];
  const choose = <T>(name: Parameters<TrainFacts['given']['has']>[0], value: T, reason: string): T | undefined => {
    if (given.has(name)) return undefined;
    reasons.push(reason);
    return value;
  };
  const count = rows.toLocaleString('en');
  const rank = rows < 2000 ? 8 : 16;
  const r = choose(
    'r',
    rank,
    `--r ${rank}: ${rows < 2000 ? 'little' : 'enough'} data for a rank of ${rank} (${count} rows)`,
  );
  const alpha = 2 * (asked ?? rank);
  const loraAlpha = choose('alpha', alpha, `--lora-alpha ${alpha}: twice the rank, the usual strength`);
  const rate = rateFor(parameters);
  const size =
    parameters === null ? 'a base of unknown size' : `a base of ${(parameters / 1e6).toPrecision(2)} M parameters`;
  const learningRate = choose(
    'learningRate',
    rate,
    `--learning-rate ${rate}: for ${size}; smaller bases learn at higher rates`,
  );
  const passes = passesOver(rows);
  const epochs = choose('length', passes, `--epochs ${passes}: ${passesReason(passes, count)}`);
  const share = heldOutShare(rows);
  const heldOut =
    share === undefined
      ? `no held-out rows: ${count} are too few to spare any; give some with --eval FILE`
      : `--eval-fraction ${share}: about ${Math.round(share * rows).toLocaleString('en')} rows are held out, to see what was learnt`;
  const evalFraction = choose('heldOut', share, heldOut);
  return {
    ...(r === undefined ? {} : { r }),
    ...(loraAlpha === undefined ? {} : { loraAlpha }),
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(evalFraction === undefined ? {} : { evalFraction }),
    reasons,
  };
}

/** 2e-3 for the example's 2.8 M parameters, falling with the square root of the size down to 1e-4, as published recipes for 1 B and more have it. */
function rateFor(parameters: number | null): number {
  if (parameters === null) return 2e-4;
  const rate = 2e-3 / Math.sqrt(Math.max(1, parameters / 2_755_008));
  return Number(Math.max(1e-4, rate).toPrecision(1));
}

/** Three passes, more over few rows so that there are some hundred steps of 16, one over very many. */
function passesOver(rows: number): number {
  if (rows >= 50_000) return 1;
  return Math.min(10, Math.max(3, Math.round((stepsWanted * rowsOfStep) / Math.max(1, rows))));
}

const stepsWanted = 200;
const rowsOfStep = 16;

function passesReason(passes: number, count: string): string {
  if (passes === 1) return `${count} rows are enough to be read once`;
  return passes > 3 ? `few rows (${count}) are read more often` : 'three passes, as transformers does';
}

/** A tenth, at most 500 rows; undefined below 20 rows. */
function heldOutShare(rows: number): number | undefined {
  if (rows < 20) return undefined;
  return Number(Math.min(0.1, 500 / rows).toPrecision(2));
}
