import { join } from 'node:path';

/** Where a run keeps what is in the making. */
export interface RunFolders {
  /** `<output>.run`; removed when the result is written. */
  readonly run: string;
  readonly checkpoints: string;
  /** `<output>.checkpoints`: those that stay when the run is done, where it keeps any. */
  readonly kept: string;
  readonly metrics: string;
  /** First weights of a model that starts from random ones. */
  readonly initial: string;
  /** The rows as tokens, in a store for each dataset. */
  readonly tokens: string;
}

export function runFolders(output: string): RunFolders {
  const run = `${output}.run`;
  return {
    run,
    checkpoints: join(run, 'checkpoints'),
    kept: `${output}.checkpoints`,
    metrics: join(run, 'metrics.jsonl'),
    initial: join(run, 'initial'),
    tokens: join(run, 'tokens'),
  };
}
