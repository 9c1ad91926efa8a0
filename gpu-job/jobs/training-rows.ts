import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { heldOutLines } from '../../shared/domain/run-length.ts';
import type { Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { knownRows } from '../training/known-rows.ts';
import { randomStream, shuffledIndices } from '../training/random.ts';
import { surveyRows, type RowsSurvey } from '../training/survey-rows.ts';
import { firstRows, indicesUpTo, selectRows, type TokenRows } from '../training/token-rows.ts';
import type { TokenStore } from '../training/token-store.ts';
import type { BaseText } from './base-text.ts';
import type { JobContext } from './job-context.ts';
import { storedRows } from './stored-rows.ts';

/** What a run trains on and is measured with: tokens on disk. */
export interface TrainingRows {
  readonly train: RowsOfRun;
  readonly held: RowsOfRun;
  /** Names of the stores that are in use. */
  readonly stores: readonly string[];
  close(): Promise<void>;
}

export interface RowsOfRun extends RowsSurvey {
  readonly rows: TokenRows;
}

/**
 * Reads the datasets of a run into stores in `folder`, or finds them there, and holds out what is asked for. What is wrong goes into
 * `findings`; undefined where there is nothing to train on.
 */
export async function trainingRows(
  folder: string,
  { data, seed, evaluation }: TrainSpec,
  { text, contextMax, findings }: { text: BaseText; contextMax: number; findings: Finding[] },
  context: JobContext,
): Promise<TrainingRows | undefined> {
  const opened: { readonly name: string; readonly rows: TokenStore }[] = [];
  const close = async (): Promise<void> => {
    for (const { rows } of opened.splice(0)) await rows.close();
  };
  const read = async (where: string, path: string): Promise<TokenStore | undefined> => {
    const wanted = { path, text, contextMax, longRows: data.longRows };
    const stored = await collectFindings(findings, where, () => storedRows(folder, wanted, context));
    if (!stored) return undefined;
    opened.push(stored);
    findings.push(...stored.findings);
    return stored.rows;
  };
  try {
    const all = await read('data.train', data.train);
    const apart = data.eval === undefined ? undefined : await read('data.eval', data.eval);
    if (!all || all.length === 0) {
      await close();
      return undefined; // there is an error among the findings
    }
    const { rows, drawn } =
      data.evalFraction === undefined
        ? { rows: all, drawn: selectRows(all, new Int32Array()) }
        : await holdOut(all, data.evalFraction, seed);
    if (data.evalFraction !== undefined && (rows.length === 0 || drawn.length === 0))
      findings.push({
        severity: 'error',
        code: 'eval-empty',
        where: 'data.evalFraction',
        message: `${data.evalFraction} of ${all.length} rows leaves ${rows.length} to train on and ${drawn.length} to evaluate`,
      });
    const held = firstRows(apart ?? drawn, evaluation.rowsMax);
    const known = await knownRows(held);
    const train = { rows, ...(await surveyRows(rows, (row) => known.see(row))) };
    if (known.count() > 0)
      findings.push({
        severity: 'warning',
        code: 'eval-known',
        where: 'data',
        message: `${known.count()} of ${held.length} held-out rows are also trained on, so the held-out loss flatters; remove the duplicates`,
      });
    const stores = opened.map(({ name }) => name);
    return { train, held: { rows: held, ...(await surveyRows(held)) }, stores, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Draws a share of the file's lines; both parts keep their order. Rows cut from one line stay together, or one half would know the other. */
async function holdOut(
  store: TokenStore,
  fraction: number,
  seed: number,
): Promise<{ readonly rows: TokenRows; readonly drawn: TokenRows }> {
  const lines = await store.lines();
  // rows of one line follow one another
  const beginsLine = (_: number, row: number): number => Number(row === 0 || lines[row] !== lines[row - 1]);
  const count = lines.map(beginsLine).reduce((total, one) => total + one, 0);
  const order = shuffledIndices(count, randomStream(seed, 'split'));
  const isDrawn = new Uint8Array(count);
  for (const line of order.subarray(0, heldOutLines(count, fraction))) isDrawn[line] = 1;
  const drawnRows = new Uint8Array(store.length);
  for (let row = 0, line = -1; row < store.length; row++) {
    line += beginsLine(0, row);
    drawnRows[row] = isDrawn[line] as number; // one for each line
  }
  const part = (drawn: number): TokenRows =>
    selectRows(
      store,
      indicesUpTo(store.length).filter((row) => drawnRows[row] === drawn),
    );
  return { rows: part(0), drawn: part(1) };
}
