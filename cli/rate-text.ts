import type { FindRateReport } from '../shared/contract/reports.ts';
import { durationText } from './progress-view.ts';
import { tableText } from './table-text.ts';

/** What a ramp says of the learning rate, below some of its points. */
export function rateText({ points, suggested, reason, divergedAt, output, seconds }: FindRateReport): string {
  const every = Math.max(1, Math.ceil(points.length / 20));
  const rows = points
    .filter((_, i) => i % every === 0 || i === points.length - 1)
    .map(({ learningRate, loss, gain }) => [learningRate.toExponential(1), numberText(loss), numberText(gain)]);
  return [
    tableText(['learning rate', 'loss', 'learnt'], rows),
    `${points.length} steps in ${durationText(seconds)}; ${divergedAt === null ? 'none of these rates diverges' : `diverges at ${divergedAt.toPrecision(2)}`}`,
    suggested === null ? `No rate can be suggested: ${reason}.` : `Suggested: --learning-rate ${suggested}, ${reason}.`,
    `Written to ${output}`,
  ].join('\n');
}

const numberText = (value: number | null): string => value?.toFixed(4) ?? 'no number';
