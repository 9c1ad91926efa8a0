import { basename } from 'node:path';
import type { DatasetShare } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { MixedPart } from '../../shared/domain/mixture.ts';
import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { RunPlan } from '../training/epochs.ts';
import type { TokenRows } from '../training/token-rows.ts';

/** What the first steps of a run on a mixture see of each dataset. */
export function datasetShares(
  { data }: Pick<TrainSpec, 'data'>,
  plan: RunPlan,
  { parts, rows, steps }: { readonly parts: readonly MixedPart[]; readonly rows: TokenRows; readonly steps: number },
): DatasetShare[] {
  const seen = rowsSeen(plan, parts, steps, (row) => rows.inputLengths[row] ?? 0);
  const total = (of: 'rows' | 'tokens'): number => seen.reduce((sum, part) => sum + part[of], 0);
  return parts.map((part, i) => {
    const own = seen[i] ?? { rows: 0, tokens: 0 };
    return {
      name: basename(i === 0 ? data.train : (data.mix?.[i - 1]?.rows ?? '')),
      weight: part.weight,
      rows: part.rows,
      seen: own.rows,
      shareOfRows: own.rows / total('rows'),
      shareOfTokens: own.tokens / total('tokens'),
      passes: own.rows / part.rows,
    };
  });
}

/** Warnings of datasets that are read so often beside the first that a run learns them by heart. */
export function repeatedFindings(
  { data }: Pick<TrainSpec, 'data'>,
  plan: RunPlan,
  parts: readonly MixedPart[],
): Finding[] {
  const passes = rowsSeen(plan, parts, plan.steps, () => 0).map(({ rows }, i) => rows / (parts[i]?.rows ?? 1));
  return (data.mix ?? []).flatMap(({ rows }, i): Finding[] => {
    const own = passes[i + 1] ?? 0;
    if (own <= limits.mixPassesUsual || own <= (passes[0] ?? 0)) return [];
    const message = `${basename(rows)} is read ${own.toFixed(1)} times, the first dataset ${(passes[0] ?? 0).toFixed(1)} times: what is read so often is learnt by heart. Give it a lower weight or more rows`;
    return [{ severity: 'warning', code: 'repeated', where: `data.mix[${i}].weight`, message }];
  });
}

function rowsSeen(
  plan: RunPlan,
  parts: readonly MixedPart[],
  steps: number,
  tokensOf: (row: number) => number,
): { rows: number; tokens: number }[] {
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, { rows }) => sum + rows, 0));
  const seen = parts.map(() => ({ rows: 0, tokens: 0 }));
  for (let step = 0; step < steps; step++)
    for (const row of plan.stepAt(step).rows) {
      const own = seen[ends.findIndex((end) => row < end)];
      if (!own) continue; // every row is before the last end
      own.rows++;
      own.tokens += tokensOf(row);
    }
  return seen;
}
