import type { SweepReport } from '../shared/contract/reports.ts';
import { printable } from './printable.ts';
import { durationText } from './progress-view.ts';
import { tableText } from './table-text.ts';

/** The ranking of a sweep as a table. Runs that were not trained stand at its end, and below it why. */
export function sweepText({ runs, best, output, seconds }: SweepReport): string {
  const names = [...new Set(runs.flatMap(({ settings }) => Object.keys(settings)))];
  const number = (value: number | null): string => value?.toFixed(4) ?? '';
  const rows = runs.map(({ name, rank, state, settings, evalLoss, trainLoss, trainableParameters }) => [
    rank === null ? state : String(rank),
    name,
    ...names.map((setting) => settingText(new Map(Object.entries(settings)).get(setting))),
    number(evalLoss),
    number(trainLoss),
    trainableParameters?.toLocaleString('en') ?? '',
  ]);
  return [
    tableText(['rank', 'run', ...names, 'held-out', 'training', 'parameters'], rows),
    ...runs.flatMap(({ name, message }) => (message === null ? [] : [`${name}: ${printable(message)}`])),
    `${runs.length} runs in ${durationText(seconds)}; the best is ${placeOf(runs, best, output)}`,
  ].join('\n');
}

/** On the platform the best is a job, and published as what `output` says. */
function placeOf(runs: SweepReport['runs'], best: string, output: string): string {
  const jobId = runs.find(({ name }) => name === best)?.jobId;
  return jobId === undefined ? `${output}/${best}` : `${best} (${jobId}), ${output}`;
}

const settingText = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value).replaceAll(/["[\]]/g, '');
