import { readSpecFile } from '../../gpu-job/main.ts';
import { machineClassNames } from '../../shared/contract/specs/estimate.ts';
import { DomainError } from '../../shared/errors.ts';
import type { SpecCommand } from '../command.ts';
import { baseAndStart } from '../named/subjects.ts';
import { trainOnServer } from '../named/train-on-server.ts';
import { train } from './train.ts';

const { 'dry-run': _dryRun, detach: _detach, ...flags } = train.flags;

/** `lorary estimate`: what `lorary train` with the same flags would take. */
export const estimate: SpecCommand = {
  name: 'estimate',
  summary: 'Tell what a training would take: steps, memory and how it is kept, time, disk, dollars. Trains nothing.',
  usage: '--base BASE --data FILE [flags of train], or SPEC.json',
  mainFlag: 'data',
  fixed: { kind: 'estimate', method: { kind: 'lora' } },
  words: takeFile,
  load: loadFile,
  named: {
    subjects: baseAndStart,
    run: (spec, json, io) =>
      trainOnServer({ ...spec, kind: 'train', named: { ...named(spec), dryRun: true } }, json, io),
  },
  notes: [
    'With a folder the rows are read, the graph of each way to take a step is counted, and the speed of this machine is measured.',
    'With the name of a base the server tells it, of the machine that the job would get; rows are sent unless they are there.',
    'SPEC.json is that of a training run. Ends with 2 when no way fits.',
  ],
  examples: [
    'lorary estimate --base models/SmolLM2-135M --data rows.jsonl',
    'lorary estimate --base models/SmolLM2-135M --data rows.jsonl --machine gpu-24 --json',
    'lorary estimate spec.json',
    'lorary estimate --base tiny --data rows.jsonl',
  ],
  flags: {
    ...flags,
    machine: {
      path: 'machine',
      kind: 'text',
      value: 'CLASS',
      only: 'folders',
      help: `${machineClassNames.join(', ')} [this machine, measured]`,
    },
  },
};

const named = ({ named: given }: Readonly<Record<string, unknown>>): object => given ?? {};

/** A word is the spec of a run, and says it all but for the machine. */
function takeFile(words: readonly string[], spec: Record<string, unknown>, place: (path: string) => string): void {
  const [file, ...others] = words;
  if (file === undefined) return;
  const { kind: _kind, method, machine: _machine, ...given } = spec;
  const besides = [...others, ...Object.keys(given)];
  if (besides.length > 0 || Object.keys(method as object).length > 1)
    throw new DomainError(
      'usage',
      `lorary estimate takes a SPEC.json, which says all of a run, or the flags of lorary train, not both: ${file}${besides.length > 0 ? ` and ${besides.join(', ')}` : ''}`,
    );
  spec['file'] = place(file);
}

async function loadFile({ file, ...spec }: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  if (typeof file !== 'string') return spec;
  const read = await readSpecFile(file);
  if (read.kind !== 'train' && read.kind !== 'estimate')
    throw new DomainError('usage', `${file} is a spec of the kind "${read.kind}"; what is estimated here is "train".`);
  const { machine } = spec;
  return { ...read, kind: 'estimate', ...(machine === undefined ? {} : { machine }) };
}
