import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progressView } from '../../cli/progress-view.ts';
import { dataFolder } from '../../cli/server/credentials.ts';
import { exitCodeOf, exitCodes, withStopSignals } from '../../gpu-job/main.ts';
import { demoHelp, parseDemoOptions, type DemoOptions } from './demo-options.ts';
import { findBase } from './find-base.ts';
import { taskNames, type TaskSource } from './prepare-task.ts';
import { resultText } from './result-text.ts';
import { runDemo } from './run-demo.ts';

const rulesFailed = 1;
const examples = fileURLToPath(new URL('../', import.meta.url));

/** `npm run demo`: progress on standard error, the result on standard output. Ends with 1 when the figures do not show that it worked. */
async function main(): Promise<number> {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(demoHelp);
    return exitCodes.done;
  }
  const { stderr } = process;
  const view = progressView({
    write: (text) => void stderr.write(text),
    isTerminal: stderr.isTTY,
    columns: stderr.columns ?? 80,
    now: () => performance.now(),
  });
  const base = await findBase(options.base ?? join(examples, 'tiny-base'), process.env);
  const result = await withStopSignals(
    (stop) =>
      runDemo(
        {
          server: options.server,
          base,
          sources: taskSources(options),
          shuffleLabels: options.shuffleLabels,
          trainTokens: options.tokens,
          // the tasks of this repository have one right answer each, and a control must not pass on any data
          pairingBinds: options.data === undefined || options.shuffleLabels,
          output: join(dataFolder(process.env), 'demo'),
          stop,
        },
        {
          stage: (text) => view.note(`* ${text}`),
          note: (text) => view.note(`  ${text}`),
          // what is unusual about rows was told when they were read; the jobs would tell it again and again
          show: (event) => event.type !== 'finding' && view.show(event),
        },
      ),
    () => view.note('stopping'),
  );
  view.end();
  process.stdout.write(`${options.json ? JSON.stringify(result) : `\n${resultText(result)}`}\n`);
  return result.passed ? exitCodes.done : rulesFailed;
}

function taskSources({ data, heldOut }: DemoOptions): readonly [TaskSource, TaskSource] {
  if (!data) {
    const own = (name: string): TaskSource => ({
      name,
      train: join(examples, 'datasets', name, 'train.jsonl'),
      heldOut: join(examples, 'datasets', name, 'held-out.jsonl'),
    });
    return [own('noun-classes'), own('pronunciation')];
  }
  const [first, second] = taskNames(data);
  return [
    { name: first, train: data[0], heldOut: heldOut?.[0] },
    { name: second, train: data[1], heldOut: heldOut?.[1] },
  ];
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
