import { adoptNowhere } from './check/adopt-nowhere.ts';
import type { Command } from './command.ts';
import { checkCommand } from './commands/check.ts';
import { compose } from './commands/compose.ts';
import { dataCheck } from './commands/data-check.ts';
import { evaluate } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { generate } from './commands/generate.ts';
import { merge } from './commands/merge.ts';
import { run } from './commands/run.ts';
import { train } from './commands/train.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  train,
  compose,
  merge,
  exportCommand,
  evaluate,
  generate,
  dataCheck,
  checkCommand(adoptNowhere),
  run,
];
