import type { TrainTasksReport } from '../shared/contract/reports.ts';
import { durationText } from './progress-view.ts';
import { tableText } from './table-text.ts';

/** What each of several tasks came to, as a table. */
export function tasksText({ tasks, seconds, output }: TrainTasksReport): string {
  const loss = (value: number | null): string => value?.toFixed(4) ?? '';
  const rows = tasks.map(({ name, report: { steps, trainLoss, evalLossBefore, evalLoss } }) => [
    name,
    steps,
    loss(trainLoss),
    loss(evalLossBefore),
    loss(evalLoss),
  ]);
  return [
    tableText(['task', 'steps', 'training', 'held-out before', 'held-out'], rows),
    `${tasks.length} adapters in ${durationText(seconds)}. Written to ${output}`,
  ].join('\n');
}
