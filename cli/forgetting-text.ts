import type { ForgettingReport } from '../shared/contract/reports.ts';
import { plain, tableText } from './table-text.ts';

/** What an adapter has learnt and forgotten, as a table with a line of what it says. */
export function forgettingText(report: ForgettingReport): string {
  const { scales, bestScale, bestTaskScale, taskRows, generalRows, generalText } = report;
  const loss = (value: number | null): string => value?.toFixed(4) ?? 'no number';
  const text =
    generalText === 'built-in' ? `${generalRows} general texts` : `${generalRows} rows of ${plain(generalText)}`;
  const table = tableText(
    ['scale', 'task', 'gain', 'general', 'forgotten', ''],
    scales.map(({ scale, taskLoss, gain, generalLoss, forgotten }) => [
      scale,
      loss(taskLoss),
      loss(gain),
      loss(generalLoss),
      loss(forgotten),
      scale === bestScale ? 'best' : '',
    ]),
  );
  const task = bestTaskScale === bestScale ? '' : `; the task alone is learnt best at ${bestTaskScale}`;
  return [
    `Learnt and forgotten on ${taskRows} rows of the task and ${text}, nats per token:`,
    table,
    `Gain less forgotten is largest at scale ${bestScale}${task}.`,
  ].join('\n');
}
