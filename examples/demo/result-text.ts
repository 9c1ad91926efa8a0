import type { DemoResult, DemoTaskResult } from './demo-result.ts';
import { variants, type Score, type Variant } from './exit-rules.ts';
import { layoutTable } from './layout-table.ts';

/** The result for people. */
export function resultText(result: DemoResult): string {
  const { tasks, files, seconds } = result;
  return [
    ...matrixLines(result),
    '',
    ...tasks.flatMap((task) => [...sampleLines(task), '']),
    ...tasks.map(
      (task) =>
        `${task.name}: ${number(task.tokensTrained)} tokens trained in ${number(task.steps)} steps, ${number(task.trainableParameters)} trainable parameters beside ${number(result.baseParameters)} frozen ones, ${number(task.heldOutRows)} held-out rows`,
    ),
    '',
    ...Object.entries(files).map(([path, sha256]) => `sha256 ${sha256}  ${path}`),
    '',
    ...result.verdicts.map(
      ({ passed, severity, text }) => `${passed ? 'ok     ' : severity === 'error' ? 'FAILED ' : 'warning'}  ${text}`,
    ),
    '',
    `${result.passed ? 'It worked' : 'It did NOT work'}: ${seconds.toFixed(0)} s.`,
  ].join('\n');
}

function matrixLines({ matrix, tasks }: DemoResult): string[] {
  const names: Readonly<Record<Variant, string>> = {
    base: 'base',
    adapter1: `adapter ${tasks[0].name}`,
    adapter2: `adapter ${tasks[1].name}`,
    composite: 'composite (cat 1, 1)',
    merged: 'composite merged, f32',
  };
  const cells = ({ loss, exact, tokenAccuracy }: Score): string[] => [
    loss.toFixed(3),
    percent(exact),
    percent(tokenAccuracy),
  ];
  const majority = ({ majorityExact }: DemoTaskResult): string[] => ['', percent(majorityExact), ''];
  const rows = layoutTable([
    ['held-out rows', 'loss', 'exact', 'tokens', ' ', 'loss', 'exact', 'tokens'],
    ...variants.map((variant) => [names[variant], ...cells(matrix[variant][0]), '', ...cells(matrix[variant][1])]),
    ['most common answer', ...majority(tasks[0]), '', ...majority(tasks[1])],
  ]);
  const [header = ''] = rows;
  const place = header.indexOf('loss');
  const secondPlace = header.lastIndexOf('loss');
  const title = `${' '.repeat(place)}${tasks[0].name}`.padEnd(secondPlace) + tasks[1].name;
  return [title, ...rows];
}

function sampleLines({ name, samples }: DemoTaskResult): string[] {
  return samples.flatMap(({ question, answer, base, adapter, composite }) => [
    `${name}: ${quoted(question)}`,
    ...layoutAnswers({ right: answer, base, adapter, composite }),
  ]);
}

const layoutAnswers = (answers: Readonly<Record<string, string>>): string[] =>
  Object.entries(answers).map(([who, text]) => `  ${who.padEnd(9)}  ${quoted(text.trim())}`);

/** Models can write anything, control characters of the terminal too. */
const quoted = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const number = (value: number): string => value.toLocaleString('en');
