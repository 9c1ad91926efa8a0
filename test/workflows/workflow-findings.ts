import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface Job {
  readonly uses?: string;
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix?: Readonly<Record<string, unknown>> };
  readonly steps?: readonly Step[];
}

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** What a workflow may call. */
export interface Repository {
  readonly root: string;
  /** Of `package.json`. */
  readonly scripts: Readonly<Record<string, string>>;
}

/** What is wrong with a workflow by the rules of this repository; its language is looked at by actionlint. */
export function workflowFindings(text: string, repository: Repository): string[] {
  const workflow = parse(text) as Workflow; // actionlint says whether it is one
  return [
    ...('pull_request_target' in workflow.on ? ['pull_request_target runs what a stranger wrote with our rights'] : []),
    ...(JSON.stringify(workflow.permissions) === '{"contents":"read"}'
      ? []
      : ['the workflow itself may only read contents']),
    ...Object.entries(workflow.jobs).flatMap(([name, job]) =>
      jobFindings(job, text, repository).map((finding) => `${name}: ${finding}`),
    ),
  ];
}

function jobFindings(job: Job, text: string, repository: Repository): string[] {
  const steps = job.steps ?? [];
  const called = [job.uses, ...steps.map(({ uses }) => uses)].filter((uses) => uses !== undefined);
  const needsIdentity = called.some((uses) => uses.startsWith('aws-actions/configure-aws-credentials@'));
  const rights = Object.entries(job.permissions ?? {});
  return [
    ...(job.uses === undefined && job['timeout-minutes'] === undefined ? ['has no timeout'] : []),
    ...called.flatMap((uses) => callFindings(uses, text, repository)),
    ...rights.flatMap(([right, value]) => {
      if (right === 'contents' && value === 'read') return [];
      return right === 'id-token' && needsIdentity ? [] : [`may ${value} ${right}, and nothing in it needs that`];
    }),
    ...steps.flatMap((step) =>
      step.uses?.startsWith('actions/checkout@') === true && step.with?.['persist-credentials'] !== false
        ? ['checkout leaves its token in the folder: persist-credentials: false']
        : [],
    ),
    ...steps.flatMap(({ run }) => (run === undefined ? [] : commandFindings(run, job, repository))),
  ];
}

/** An action is named by a commit, which nobody can move, with its version beside it. */
function callFindings(uses: string, text: string, { root }: Repository): string[] {
  if (uses.startsWith('./')) return existsSync(join(root, uses)) ? [] : [`there is no ${uses}`];
  const isPinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(uses);
  if (!isPinned) return [`${uses} is not named by its commit`];
  return new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+$`, 'm').test(text) ? [] : [`${uses} has no version beside it`];
}

function commandFindings(run: string, job: Job, { root, scripts }: Repository): string[] {
  const filled = Object.entries(job.strategy?.matrix ?? {}).reduce(
    (texts, [key, values]) =>
      Array.isArray(values)
        ? values.flatMap((value) => texts.map((text) => text.replaceAll(`\${{ matrix.${key} }}`, String(value))))
        : texts,
    [run],
  );
  const commands = filled.join('\n');
  const named = (pattern: RegExp): string[] => [...commands.matchAll(pattern)].map(([, name = '']) => name);
  return [
    ...named(/\bnpm (?:run )?((?:(?!ci\b)[\w:-])+)/g).flatMap((name) =>
      name in scripts || name === 'run' ? [] : [`package.json has no script "${name}"`],
    ),
    ...named(/\bnpx ([\w-]+)/g).flatMap((name) =>
      existsSync(join(root, 'node_modules', '.bin', name)) ? [] : [`no dependency brings a command "${name}"`],
    ),
    ...named(/\bnode ([\w./-]+\.(?:js|ts))/g).flatMap((path) =>
      existsSync(join(root, path)) ? [] : [`there is no ${path}`],
    ),
    ...(/\$\{\{\s*(github\.(event|head_ref)|inputs)/.test(run)
      ? ['text of whoever opened the request becomes part of a command: hand it over in the environment']
      : []),
  ];
}
