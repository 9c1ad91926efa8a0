import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { MixedPart } from '../../shared/domain/mixture.ts';
import { heldOutLines } from '../../shared/domain/run-length.ts';
import type { Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { knownRows } from '../training/known-rows.ts';
import { randomStream, shuffledIndices } from '../training/random.ts';
import { surveyRows, type RowsSurvey } from '../training/survey-rows.ts';
import { firstRows, indicesUpTo, joinRows, selectRows, type TokenRows } from '../training/token-rows.ts';
import type { TokenStore } from '../training/token-store.ts';
import type { BaseText } from './base-text.ts';
import type { JobContext } from './job-context.ts';
import { storedRows } from './stored-rows.ts';

/** What a run trains on and is measured with: tokens on disk. */
export interface TrainingRows {
  /** Those of all datasets of a mixture, behind one another. */
  readonly train: RowsOfRun;
  /** Of a mixture, how many of them are of each dataset; else undefined. */
  readonly parts: readonly MixedPart[] | undefined;
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
    const sources = [{ where: 'data.train', path: data.train, weight: 1 }, ...mixedSources(data)];
    const stores: (TokenStore | undefined)[] = [];
    for (const { where, path } of sources) stores.push(await read(where, path));
    const apart = data.eval === undefined ? undefined : await read('data.eval', data.eval);
    const parts: (HeldOut & { readonly weight: number })[] = [];
    for (const [i, { where, weight }] of sources.entries()) {
      const all = stores[i];
      if (!all || all.length === 0) continue; // there is an error among the findings
      const part = await holdOut(all, data.evalFraction, seed, i);
      parts.push({ ...part, weight });
      if (data.evalFraction !== undefined && (part.rows.length === 0 || part.drawn.length === 0))
        findings.push({
          severity: 'error',
          code: 'eval-empty',
          where: 'data.evalFraction',
          message: `${data.evalFraction} of ${all.length} rows${data.mix ? ` of ${where}` : ''} leaves ${part.rows.length} to train on and ${part.drawn.length} to evaluate`,
        });
    }
    if (parts.length < sources.length) {
      await close();
      return undefined;
    }
    const rows = joinRows(parts.map((part) => part.rows));
    const drawn = joinRows(parts.map((part) => part.drawn));
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
    return {
      train,
      parts: data.mix && parts.map((part) => ({ rows: part.rows.length, weight: part.weight })),
      held: { rows: held, ...(await surveyRows(held)) },
      stores: opened.map(({ name }) => name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const mixedSources = ({ mix = [] }: TrainSpec['data']): { where: string; path: string; weight: number }[] =>
  mix.map(({ rows, weight }, i) => ({ where: `data.mix[${i}].rows`, path: rows, weight }));

interface HeldOut {
  readonly rows: TokenRows;
  readonly drawn: TokenRows;
}

/** Draws a share of the file's lines; both parts keep their order. Rows cut from one line stay together, or one half would know the other. */
async function holdOut(store: TokenStore, fraction: number | undefined, seed: number, part: number): Promise<HeldOut> {
  if (fraction === undefined) return { rows: store, drawn: selectRows(store, new Int32Array()) };
  const lines = await store.lines();
  // rows of one line follow one another
  const beginsLine = (_: number, row: number): number => Number(row === 0 || lines[row] !== lines[row - 1]);
  const count = lines.map(beginsLine).reduce((total, one) => total + one, 0);
  const order = shuffledIndices(count, randomStream(seed, 'split', part));
  const isDrawn = new Uint8Array(count);
  for (const line of order.subarray(0, heldOutLines(count, fraction))) isDrawn[line] = 1;
  const drawnRows = new Uint8Array(store.length);
  for (let row = 0, line = -1; row < store.length; row++) {
    line += beginsLine(0, row);
    drawnRows[row] = isDrawn[line] as number; // one for each line
  }
  const half = (drawn: number): TokenRows =>
    selectRows(
      store,
      indicesUpTo(store.length).filter((row) => drawnRows[row] === drawn),
    );
  return { rows: half(0), drawn: half(1) };
}
