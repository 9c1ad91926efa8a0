/**
 * `npm run deploy -- <stage>...`: one stage after the other, of each what is kept, then what computes, then what answers; stops at the
 * first that fails. `--only data,app` leaves stacks out. `--destroy` takes a stage down and keeps table and bucket of what teams have, not
 * the files of the console, which are built again; with `--data` they go, too, once the name of the stage has been typed, or given by `--confirm`.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { DomainError } from '../shared/errors.ts';
import { emptyConsole } from './empty-console.ts';
import { nameOfStack } from './names.ts';
import { readSettings, type Settings } from './settings.ts';

const purposes = ['data', 'jobs', 'app'] as const;
type Purpose = (typeof purposes)[number];

export interface DeployStep {
  readonly stage: string;
  /** Arguments of `cdk`. */
  readonly args: readonly string[];
  /** Whether table and bucket lose what keeps them from being deleted. */
  readonly letsDataGo?: true;
  /** The stage whose console loses its files before. */
  readonly emptiesConsole?: Pick<Settings, 'stage' | 'region'>;
}

export interface Deployment {
  readonly steps: readonly DeployStep[];
  /** The stage whose data goes, unless somebody thinks better of it, and what was given as its name. */
  readonly losesData?: { readonly stage: string; readonly confirmed: string | undefined };
}

/** What to do for these arguments. Throws `DomainError` for stages and stacks that there are not, and for what does not go together. */
export function planDeployment(args: readonly string[]): Deployment {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      destroy: { type: 'boolean', default: false },
      data: { type: 'boolean', default: false },
      confirm: { type: 'string' },
    },
  });
  const { destroy, data, confirm: confirmed } = values;
  const only = readOnly(values.only);
  const wrong = misused({ destroy, data, confirmed, stages: positionals.length });
  if (wrong !== undefined) throw new DomainError('usage', wrong);
  const stages = (positionals.length === 0 ? ['dev'] : positionals).map((stage) => readSettings(stage));
  if (!destroy) return { steps: stages.flatMap((settings) => only.map((purpose) => deployStep(settings, purpose))) };
  const steps = stages.flatMap((settings) => destroySteps(settings, only, data));
  const [settings] = stages;
  return data && settings ? { steps, losesData: { stage: settings.stage, confirmed } } : { steps };
}

function readOnly(text: string | undefined): readonly Purpose[] {
  const only = text?.split(',') ?? [...purposes];
  const unknown = only.filter((name) => !purposes.some((purpose) => purpose === name));
  if (unknown.length === 0) return purposes.filter((purpose) => only.includes(purpose));
  throw new DomainError(
    'no-such-stack',
    `There is no stack "${unknown.join('", "')}": there are ${purposes.join(', ')}.`,
  );
}

function misused(given: {
  readonly destroy: boolean;
  readonly data: boolean;
  readonly confirmed: string | undefined;
  readonly stages: number;
}): string | undefined {
  const { destroy, data, confirmed, stages } = given;
  if (!destroy && (data || confirmed !== undefined)) return '--data and --confirm go with --destroy.';
  if (destroy && stages === 0) return 'Name the stage that is taken down: npm run deploy -- STAGE --destroy';
  if (data && stages > 1) return 'Data of one stage goes at a time: name one.';
  return confirmed !== undefined && !data ? '--confirm goes with --data.' : undefined;
}

const deployStep = (settings: Settings, purpose: Purpose): DeployStep => ({
  stage: settings.stage,
  args: ['deploy', nameOfStack(settings, purpose), '--exclusively', '--require-approval', 'never'],
});

/** What answers goes first. The stack of what is kept goes only with what is in it: without it table and bucket would be nobody's. */
function destroySteps(settings: Settings, only: readonly Purpose[], data: boolean): DeployStep[] {
  const destroy = (purpose: Purpose): DeployStep => ({
    stage: settings.stage,
    args: ['destroy', nameOfStack(settings, purpose), '--exclusively', '--force'],
    ...(purpose === 'app' ? { emptiesConsole: settings } : {}),
  });
  const rest = only.filter((purpose) => purpose !== 'data').toReversed();
  if (!data) return rest.map(destroy);
  const letsDataGo = true;
  return [...rest.map(destroy), { ...deployStep(settings, 'data'), letsDataGo }, { ...destroy('data'), letsDataGo }];
}

/** Throws `DomainError('not-confirmed')` unless what was typed is the name of the stage. */
export function confirmLoss(stage: string, typed: string): void {
  if (typed.trim() !== stage)
    throw new DomainError('not-confirmed', `"${typed.trim()}" is not "${stage}": nothing was done.`);
}

async function askForStage(stage: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new DomainError('not-confirmed', `There is no terminal to ask at: give --confirm ${stage}`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const what = `All records and files of the stage ${stage} will be deleted, and no backup of them is kept.`;
  try {
    return await lines.question(`${what}\nType the name of the stage to go on: `);
  } finally {
    lines.close();
  }
}

async function main(args: readonly string[]): Promise<number> {
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const { steps, losesData } = planDeployment(args);
  if (losesData) confirmLoss(losesData.stage, losesData.confirmed ?? (await askForStage(losesData.stage)));
  for (const { stage, args: words, letsDataGo, emptiesConsole } of steps) {
    if (emptiesConsole) console.error(`Files of the console deleted: ${await emptyConsole(emptiesConsole)}`);
    const env = { ...process.env, LORARY_STAGE: stage, ...(letsDataGo ? { LORARY_LET_DATA_GO: stage } : {}) };
    const { status } = spawnSync(process.execPath, [cdk, ...words], { stdio: 'inherit', env });
    if (status !== 0) return status ?? 1;
  }
  return 0;
}

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
