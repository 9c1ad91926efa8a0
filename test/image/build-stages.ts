import { cp, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { contextFiles } from './context-files.ts';
import type { Stage, Step } from './dockerfile.ts';
import { enter, isOfBase, makeRoot } from './root-folder.ts';

/** Where a stage's files are, and what of it could not be done without a container engine. */
export interface Built {
  readonly roots: ReadonlyMap<string, string>;
  readonly notRun: readonly string[];
}

/**
 * Does what the stages say, each in a root folder of its own under `folder`: `COPY` from the context or from another stage, `RUN` inside.
 * Throws with the end of its output when a command fails.
 */
export async function buildStages(stages: readonly Stage[], context: string, folder: string): Promise<Built> {
  await rm(folder, { recursive: true, force: true });
  const files = await contextFiles(context);
  const roots = new Map<string, string>();
  /** Working folder at the end of each stage: the next one begins there. */
  const folders = new Map<string, string>();
  const notRun: string[] = [];
  for (const stage of stages) {
    const root = join(folder, stage.name);
    const base = roots.get(stage.base);
    await mkdir(root, { recursive: true });
    // with owners and modes, as a layer keeps them
    if (base !== undefined) copyTree(`${base}/.`, root);
    makeRoot(root);
    roots.set(stage.name, root);
    let cwd = folders.get(stage.base) ?? '/';
    for (const step of stage.steps) {
      if (step.keyword === 'WORKDIR') await mkdir(join(root, (cwd = step.text)), { recursive: true });
      else if (step.keyword === 'COPY')
        notRun.push(...(await copyStep(step, { root, cwd, context, files, roots, stage })));
      else if (step.keyword === 'RUN') await runStep(step, root, cwd, stage);
    }
    folders.set(stage.name, cwd);
  }
  return { roots, notRun };
}

interface Place {
  readonly root: string;
  readonly cwd: string;
  readonly context: string;
  readonly files: readonly string[];
  readonly roots: ReadonlyMap<string, string>;
  readonly stage: Stage;
}

async function copyStep(step: Step, { root, cwd, context, files, roots, stage }: Place): Promise<string[]> {
  const sources = step.args.slice(0, -1);
  const to = step.args.at(-1) ?? '';
  const target = join(root, to.startsWith('/') ? to : join(cwd, to));
  const { from, chown } = step.flags;
  if (from !== undefined) {
    const fromRoot = roots.get(from);
    if (fromRoot === undefined)
      throw new Error(`${stage.name}, line ${step.line}: there is no stage "${from}" before it`);
    const [source = ''] = sources;
    if (isOfBase(source)) return [`${stage.name}, line ${step.line}: COPY ${step.text}`];
    await mkdir(target, { recursive: true });
    copyTree(`${join(fromRoot, source)}/.`, target);
    if (chown !== undefined) spawnSync('chown', ['-R', chown, target]);
    return [];
  }
  for (const source of sources) {
    const given = files.filter((path) => path === source || path.startsWith(`${source}/`));
    if (given.length === 0) throw new Error(`${stage.name}, line ${step.line}: "${source}" is not in the context`);
    const isFile = given[0] === source && statSync(join(context, source)).isFile();
    for (const path of given)
      await cp(join(context, path), isFile ? join(target, basename(path)) : join(target, path.slice(source.length)));
  }
  return [];
}

async function runStep({ text, line }: Step, root: string, cwd: string, { name }: Stage): Promise<void> {
  // what images have as an empty folder is made before
  const folder = /^mkdir \/(\w+)$/.exec(text)?.[1];
  if (folder !== undefined && existsSync(join(root, folder))) return;
  const env = { ...process.env, HOME: '/root', NODE_OPTIONS: '' };
  const { code, output } = await enter(root, ['sh', '-c', text], { cwd, env });
  if (code !== 0) throw new Error(`${name}, line ${line} ended with ${code}:\n${output.trim().slice(-3000)}`);
}

/** Own files only: what a base brings is mounted. */
function copyTree(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['--archive', '--reflink=auto', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot copy ${from}: ${stderr.trim()}`);
}
