import { z } from 'zod';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';

/** What must be the same for a run to be continued: the recipe, and the content of what it reads. */
export const runIdentitySchema = z.strictObject({
  /** The spec without paths and without what cannot change the result. */
  spec: z.record(z.string(), z.unknown()),
  /** SHA-256 by what was read: `base`, `data.train`, `data.eval`, `evaluation.general`. */
  content: z.record(z.string(), z.string()),
});
export type RunIdentity = z.output<typeof runIdentitySchema>;

/** Folders may move and threads, workers, device and checkpoint times may change between two sittings of a run; nothing else may. */
export function runIdentity(spec: TrainSpec, content: Readonly<Record<string, string>>): RunIdentity {
  const {
    base: _base,
    output: _output,
    threads: _threads,
    workers: _workers,
    device: _device,
    memoryMaxBytes: _memoryMax,
    checkpoint: _checkpoint,
    keep: _keep,
    maxSeconds: _maxSeconds,
    maxDollars: _maxDollars,
    dollarsPerHour: _dollarsPerHour,
    data,
    evaluation,
    ...rest
  } = spec;
  const { train: _train, eval: _eval, mix, ...dataRest } = data;
  const weights = mix && { mix: mix.map(({ weight }) => ({ weight })) };
  const general = evaluation.general && { rowsMax: evaluation.general.rowsMax };
  const plain: unknown = JSON.parse(
    JSON.stringify({ ...rest, data: { ...dataRest, ...weights }, evaluation: { ...evaluation, general } }),
  ); // drops undefined, as the file does
  return { spec: plain as Record<string, unknown>, content: { ...content } }; // an object was written
}

/** Whether two runs are one and the same. */
export function isSameRun(a: RunIdentity, b: RunIdentity): boolean {
  return differences(a, b).length === 0;
}

/** Throws `DomainError('resume-differs')` naming everything that differs from the run that wrote the checkpoint. */
export function refuseOtherRun(then: RunIdentity, now: RunIdentity, runFolder: string): void {
  const findings = differences(then, now);
  if (findings.length === 0) return;
  const lines = findings.map(({ where, message }) => `  ${where}: ${message}`);
  throw new DomainError(
    'resume-differs',
    [`${runFolder} holds another run. Restore what it began with, or remove that folder to start anew:`, ...lines].join(
      '\n',
    ),
    { findings },
  );
}

function differences(then: RunIdentity, now: RunIdentity): Finding[] {
  const findings: Finding[] = [];
  const differs = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'resume-differs', where, message });
  for (const path of differingPaths(then.spec, now.spec))
    differs(path.join('.'), `was ${shown(then.spec, path)} and is ${shown(now.spec, path)} now`);
  for (const name of new Set([...Object.keys(then.content), ...Object.keys(now.content)]))
    if (then.content[name] !== now.content[name]) differs(name, 'its content is not what the run began with');
  return findings;
}

function differingPaths(a: unknown, b: unknown): string[][] {
  if (!isObject(a) || !isObject(b)) return JSON.stringify(a) === JSON.stringify(b) ? [] : [[]];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differingPaths(a[key], b[key]).map((path) => [key, ...path]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function shown(value: unknown, path: readonly string[]): string {
  let here = value;
  for (const key of path) here = isObject(here) ? here[key] : undefined;
  return here === undefined ? 'not given' : JSON.stringify(here);
}
