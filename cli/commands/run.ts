import { readSpecFile } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { runSpec } from '../run-spec.ts';

/** `lorary run`: any job. */
export const run = runCommand({
  name: 'run',
  summary: 'Run any job from a spec file; its paths start at its own folder.',
  usage: 'SPEC.json [--json]',
  words: { what: 'SPEC.json', min: 1, max: 1 },
  notes: [
    'A spec is a JSON object with a "kind": train, sweep, evaluate, generate, compose, merge or data-check. The commands of these names',
    'print the spec they would run with --print-spec.',
  ],
  examples: ['lorary run spec.json'],
  flags: {},
  async run({ words: [path = ''], json }, io) {
    return runSpec(await readSpecFile(path), json, io);
  },
});
