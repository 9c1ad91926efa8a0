import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demand, type CheckResult } from '../support/checks-report.ts';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import type { Device } from '../../gpu-job/runtime/probe-device.ts';
import { environmentOf, lastStep, type Stage } from './dockerfile.ts';
import { fileFindings, imageFiles, type Lock } from './image-files.ts';
import type { Image } from './images.ts';
import { enter, type Entered } from './root-folder.ts';

/** Most that an image may have of its own, without its base: what every machine pulls before its first job. */
const ownBytesMax: Readonly<Record<Image, number>> = { cpu: 170_000_000, gpu: 450_000_000 };

/** A built image: its stages, its name and its root folder. */
export interface BuiltImage {
  readonly stages: readonly Stage[];
  readonly name: Image;
  readonly root: string;
}

/** Runs the image as a machine would: its entrypoint, user, environment and nothing else. */
export async function runImage(
  { stages, name, root }: BuiltImage,
  args: readonly string[],
  onOutput?: (text: string, kill: Entered['kill']) => void,
): Promise<Pick<Entered, 'code' | 'output'>> {
  const entrypoint = JSON.parse(lastStep(stages, name, 'ENTRYPOINT')?.text ?? '[]') as string[];
  const user = lastStep(stages, name, 'USER')?.text ?? '0:0';
  let kill: Entered['kill'] = () => undefined;
  return enter(
    root,
    [...entrypoint, ...args],
    {
      cwd: lastStep(stages, name, 'WORKDIR')?.text ?? '/',
      user,
      env: { ...environmentOf(stages, name), HOME: '/' },
      onOutput: (text) => onOutput?.(text, kill),
    },
    (given) => (kill = given),
  );
}

export function checkFiles({ name, root }: BuiltImage, repository: string): CheckResult<void> {
  const { paths, bytes } = imageFiles(root);
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as Lock;
  const findings = fileFindings(paths, lock, importedSources(repository));
  demand(findings.length === 0, findings.slice(0, 20).join('\n'));
  demand(bytes <= ownBytesMax[name], `${bytes} bytes of its own, more than ${ownBytesMax[name]}`);
  return { figures: `${paths.length} files, ${(bytes / 1e6).toFixed(0)} MB without the base`, value: undefined };
}

/** What `gpu-job/main.ts` and the threads that it starts import of the repository, by the tool that guards the arrows. */
function importedSources(repository: string): string[] {
  const tool = join(repository, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const entries = ['gpu-job/main.ts', 'gpu-job/job-thread.ts', 'gpu-job/doctor/probe.ts'];
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...entries];
  const text = execFileSync(process.execPath, [tool, ...args], { cwd: repository, maxBuffer: 1e9, encoding: 'utf8' });
  const { modules } = JSON.parse(text) as { modules: { source: string }[] };
  return modules.map(({ source }) => source).filter((source) => /^(gpu-job|shared)\//.test(source));
}

export async function checkUser(image: BuiltImage): Promise<CheckResult<void>> {
  const user = lastStep(image.stages, image.name, 'USER')?.text ?? '0:0';
  const script =
    'id -u; touch /app/written 2>/dev/null && echo app; touch /work/written && rm /work/written && echo work';
  const { output } = await enter(image.root, ['sh', '-c', script], { cwd: '/', user, env: {} });
  demand(output === `${user.split(':')[0]}\nwork\n`, `can write more or less than its work folder:\n${output}`);
  return { figures: `user ${user} writes to /work and not to /app`, value: undefined };
}

/** `bad`: what has to be wrong on this machine, which has no GPU. */
export async function checkDoctor(
  image: BuiltImage,
  expected: { readonly device: Device; readonly bad: readonly string[] },
): Promise<CheckResult<void>> {
  const { code, output } = await runImage(image, ['doctor', '--json']);
  const { device, checks } = JSON.parse(output) as { device: Device; checks: Diagnosis[] };
  const bad = checks.filter(({ verdict }) => verdict === 'bad').map(({ what }) => what);
  demand(device === expected.device, `it looks at ${device}`);
  demand(JSON.stringify(bad) === JSON.stringify(expected.bad), JSON.stringify(checks, undefined, 2));
  demand(code === (bad.length === 0 ? 0 : 1), `it ended with ${code}`);
  const good = checks.length - bad.length;
  return {
    figures: `${good} things are right${bad.length > 0 ? `, and without a GPU ${bad.join(', ')} are not` : ''}`,
    value: undefined,
  };
}

/** Trains a few steps of the small base that comes with the repository; asked to end, it goes on where it was. */
export async function checkTraining(image: BuiltImage, repository: string): Promise<CheckResult<void>> {
  const work = join(image.root, 'work');
  cpSync(join(repository, 'examples', 'tiny-base'), join(work, 'base'), { recursive: true });
  const rows = Array.from({ length: 32 }, (_, i) => ({ prompt: `${i} and one is`, completion: ` ${i + 1}.` }));
  writeFileSync(join(work, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const spec = {
    kind: 'train',
    base: 'base',
    output: 'adapter',
    data: { train: 'rows.jsonl' },
    method: { kind: 'lora', config: { r: 2 } },
    steps: 8,
    batch: { rows: 2, microBatchTokens: 128, packTokens: 64 },
  };
  writeFileSync(join(work, 'spec.json'), JSON.stringify(spec));
  let asked = false;
  const stopped = await runImage(image, ['/work/spec.json'], (text, kill) => {
    if (asked || !text.includes('"type":"step"')) return;
    asked = true;
    kill('SIGTERM');
  });
  demand(stopped.code === 75, `asked to end, it ended with ${stopped.code}:\n${stopped.output.slice(-2000)}`);
  const { code, output } = await runImage(image, ['/work/spec.json']);
  demand(code === 0, `it ended with ${code}:\n${output.slice(-2000)}`);
  const first = Number(/"firstStep":(\d+)/.exec(output)?.[1]);
  demand(first > 1 && first <= 8, `it began again at step ${first}`);
  return { figures: `stopped by SIGTERM, went on at step ${first} of 8 and was done`, value: undefined };
}

/** The platform's side of the job loads, too: it gets as far as the table that it has no way to. */
export async function checkContainerLoads(image: BuiltImage): Promise<CheckResult<void>> {
  const { code, output } = await runImage(image, ['--job', 'job_none', '--team', 'nobody']);
  demand(
    code === 2 && output.includes('Give --job, --team and --run.'),
    `it ended with ${code}:\n${output.slice(-2000)}`,
  );
  const code2 =
    "Promise.all(['platform/run-container.ts','../shared/aws/aws-world.ts'].map((n)=>import('/app/gpu-job/'+n)))";
  const loaded = await enter(image.root, ['node', '--import', 'tsx', '--eval', code2], {
    cwd: '/app',
    user: '1000:1000',
    env: { HOME: '/' },
  });
  demand(loaded.code === 0, loaded.output.slice(-2000));
  return { figures: 'container and AWS world load', value: undefined };
}
