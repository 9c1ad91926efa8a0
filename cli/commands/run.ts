import { readSpecFile } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { runSpec } from '../run-spec.ts';
import { specKinds } from '../../shared/contract/specs/parse-spec.ts';

/** `lorary run`: any job. */
export const run = runCommand({
  name: 'run',
  summary: 'Run any job from a spec file; its paths start at its own folder.',
  usage: 'SPEC.json [--json]',
  words: { what: 'SPEC.json', min: 1, max: 1 },
  notes: [
    'A spec is a JSON object with a "kind":',
    `${specKinds.join(', ')}.`,
    'Those that are commands as well print the spec they would run with --print-spec.',
  ],
  examples: ['lorary run spec.json'],
  flags: {},
  async run({ words: [path = ''], json }, io) {
    return runSpec(await readSpecFile(path), json, io);
  },
});
