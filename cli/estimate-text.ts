import type { EstimatedPlan, EstimateReport } from '../shared/contract/reports.ts';
import { durationText } from './progress-view.ts';
import { tableText } from './table-text.ts';
import { sizeText } from './transfers/transfer-view.ts';

/** What a training run would take, for a person. */
export function estimateReportText(report: EstimateReport): string {
  const { method, trainableParameters, steps, rows, evalRows, tokens, longestRow, machine, plan, seconds } = report;
  const speed = `${(machine.flopsPerSecond / 1e9).toFixed()} GFLOP/s, ${machine.rateFrom}`;
  return [
    `${steps.toLocaleString('en')} steps over ${rows.toLocaleString('en')} rows${evalRows > 0 ? ` (${evalRows.toLocaleString('en')} held out)` : ''}, about ${tokens.toLocaleString('en')} tokens; the longest row has ${longestRow}.`,
    `${trainableParameters.toLocaleString('en')} values are trained (${method}).`,
    `Machine: ${machine.name}, ${sizeText(machine.memoryBytes)} (${machine.memoryFrom}), ${speed}.`,
    `Plan: ${plan ? `${plan.text}: ` : ''}${report.reason}`,
    ...(plan ? [memoryText(plan)] : [classText(report)]),
    ...(plan && seconds !== null
      ? [`Time: ${stepText(plan.secondsPerStep)} a step, about ${durationText(seconds)} in all.`]
      : []),
    `Disk: ${sizeText(report.diskBytes)} beside base and rows.`,
    ...(report.dollars === null
      ? []
      : [`Cost: about $${report.dollars.toFixed(2)} (${report.priceBasis ?? 'no price is known'}).`]),
    '',
    tableText(
      ['', 'memory', 'a step', 'way to take steps'],
      report.plans.map((one) => [
        sameWay(one, plan) ? 'taken' : one.fits ? 'fits' : '',
        sizeText(one.bytes),
        stepText(one.secondsPerStep),
        one.text,
      ]),
    ),
  ].join('\n');
}

function memoryText({ bytes, parts }: EstimatedPlan): string {
  const { process, weights, trained, live } = parts;
  return `Memory: ${sizeText(bytes)} at the peak: ${sizeText(weights)} of weights, ${sizeText(trained)} of what is trained, ${sizeText(live)} of what a step computes, ${sizeText(process)} of process and graph.`;
}

const classText = ({ smallestMachine }: EstimateReport): string =>
  smallestMachine === null
    ? 'It fits no class of machines.'
    : `The smallest class of machines that it fits is ${smallestMachine}.`;

const sameWay = (a: EstimatedPlan, b: EstimatedPlan | null): boolean =>
  b !== null && a.text === b.text && a.microBatchTokens === b.microBatchTokens;

const stepText = (seconds: number): string =>
  seconds < 1 ? `${(1000 * seconds).toPrecision(2)} ms` : `${seconds.toPrecision(3)} s`;
