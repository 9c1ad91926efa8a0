import type { JobReport } from '../gpu-job/main.ts';
import type { DataCheckReport, Measured } from '../shared/contract/reports.ts';
import { estimateReportText } from './estimate-text.ts';
import { forgettingText } from './forgetting-text.ts';
import { printable } from './printable.ts';
import { rateText } from './rate-text.ts';
import { sweepText } from './sweep-text.ts';
import { tasksText } from './tasks-text.ts';
import { durationText } from './progress-view.ts';

/** A job's report for a person. */
export function reportText(report: JobReport): string {
  switch (report.kind) {
    case 'train': {
      const { evalLossBefore: before, evalLoss: after, trainLoss, steps, seconds, tokens, output } = report;
      const { endedEarly, stoppedBy, writtenStep, skippedSteps } = report;
      return [
        `Trained ${steps} steps on ${tokens.toLocaleString('en')} tokens in ${durationText(seconds)}; the last losses average ${trainLoss.toFixed(4)}.`,
        ...(stoppedBy === 'budget'
          ? ['Its allowance was spent before its last step: this is what it had learnt by then.']
          : endedEarly
            ? ['The held-out loss fell no more, so the run ended early.']
            : []),
        ...(report.datasets ?? []).map(
          ({ name, weight, rows, seen, shareOfTokens, passes }) =>
            `${name}: weight ${weight}, ${rows} rows, ${seen} seen (${percent(shareOfTokens)} of the tokens, ${passes.toFixed(2)} passes)`,
        ),
        ...(skippedSteps > 0 ? [`${skippedSteps} of the steps were left out: their gradients were spikes.`] : []),
        ...(before === null || after === null
          ? []
          : [
              `Held-out loss ${before.toFixed(4)} before, ${after.toFixed(4)} after${writtenStep === steps ? '' : ` step ${writtenStep}, whose weights were kept`}.`,
            ]),
        ...(report.forgetting ? [forgettingText(report.forgetting)] : []),
        ...(report.checkpoints
          ? [
              `Checkpoints in ${output}.checkpoints: steps ${report.checkpoints.map(({ step, best }) => `${step}${best ? ' (best)' : ''}`).join(', ') || 'none'}`,
            ]
          : []),
        `Written to ${output}`,
      ].join('\n');
    }
    case 'train-tasks':
      return tasksText(report);
    case 'sweep':
      return sweepText(report);
    case 'find-rate':
      return rateText(report);
    case 'estimate':
      return estimateReportText(report);
    case 'evaluate': {
      const { rows, labels, loss, perplexity, tokenAccuracy, exactMatch, majorityBaseline } = report;
      return [
        `${rows.toLocaleString('en')} rows, ${labels.toLocaleString('en')} labels (intervals: 95%, rows resampled)`,
        `loss            ${interval(loss, (value) => value.toFixed(4))} nats per token`,
        `perplexity      ${interval(perplexity, (value) => value.toPrecision(4))}`,
        `tokens right    ${interval(tokenAccuracy, percent)}`,
        `rows exact      ${interval(exactMatch, percent)}; always the commonest answer: ${percent(majorityBaseline)}`,
        ...(report.forgetting ? [forgettingText(report.forgetting)] : []),
      ].join('\n');
    }
    case 'generate':
      return report.texts.map(({ prompt, text }) => `${printable(prompt)}${printable(text)}`).join('\n---\n');
    case 'data-check': {
      const { format, lines, rows, tokens, trainedTokens, rowTokens, contextMax, overContext, duplicates } = report;
      return [
        `${lines.toLocaleString('en')} rows of ${format ?? 'no known format'}, ${rows.toLocaleString('en')} usable`,
        `${tokens.toLocaleString('en')} tokens, ${trainedTokens.toLocaleString('en')} trained; a row has ${rowTokens.p50} (half), ${rowTokens.p95} (95%), ${rowTokens.max} (longest) of at most ${contextMax}`,
        `${overContext} over the context, ${duplicates} duplicates, ${report.errors} errors, ${report.warnings} warnings`,
        ...report.preview.map(previewText),
        report.usable ? 'Training would take it as it is.' : 'Training would refuse it.',
      ].join('\n');
    }
    case 'composition': {
      const { result, members, type, distance } = report;
      const far = distance === null ? 'undefined: it is zero' : distance.toExponential(2);
      return `Composed ${members.length} adapters by ${type}: rank ${result.r}, ${result.modules} modules, ${result.parameters.toLocaleString('en')} parameters; relative distance from the weighted sum ${far}.`;
    }
    case 'export': {
      const { format, dtype, output, main, files, summary } = report;
      const bytes = Object.values(files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const what = summary === null ? '' : `; ${summary}`;
      return `Exported as ${format} (${dtype})${what}: ${(bytes / 1e6).toFixed(1)} MB. Written to ${main === '.' ? output : `${output}/${main}`}`;
    }
    case 'quantize': {
      const { type, changed, kept, output, bitsPerWeight: bits, relativeError, loss } = report;
      return [
        `${bits ? 'Packed' : 'Unpacked'} ${changed} matrices as ${type}; ${kept} tensors stay floats.`,
        ...(bits
          ? [`${bits.packed.toFixed(3)} bits a packed weight, ${bits.model.toFixed(2)} a value of the whole model.`]
          : []),
        ...(relativeError === null ? [] : [`Relative error of the packed weights ${relativeError.toFixed(4)}.`]),
        ...(loss === null
          ? []
          : [
              `Held-out loss ${loss.float.toFixed(4)} in floats, ${loss.packed.toFixed(4)} packed: ${loss.gap.toFixed(4)} nats a token on ${loss.rows} rows.`,
            ]),
        `Written to ${output}`,
      ].join('\n');
    }
    case 'merge': {
      const { check, summary } = report;
      const survived =
        check.survived === null ? '' : `; ${percent(check.survived)} of the update's length survived rounding`;
      return `Merged: ${summary}; ${check.updated} tensors updated, ${check.copied} copied as they were, all updated ones checked${survived}.`;
    }
  }
}

/** A row as a base sees it. What is trained stands in double brackets, which works in any terminal and any file. */
export function previewText({ line, runs }: Pick<DataCheckReport['preview'][number], 'line' | 'runs'>): string {
  const marked = runs.map(({ text, trained }) => (trained ? `[[${printable(text)}]]` : printable(text)));
  return `--- line ${line}\n${marked.join('')}\n---`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

const interval = ({ value, low, high }: Measured, text: (value: number) => string): string =>
  `${text(value)}  [${text(low)}, ${text(high)}]`;
