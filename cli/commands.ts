import type { Command } from './command.ts';
import { compose } from './commands/compose.ts';
import { dataCheck } from './commands/data-check.ts';
import { evaluate } from './commands/evaluate.ts';
import { generate } from './commands/generate.ts';
import { merge } from './commands/merge.ts';
import { run } from './commands/run.ts';
import { train } from './commands/train.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [train, compose, merge, evaluate, generate, dataCheck, run];
