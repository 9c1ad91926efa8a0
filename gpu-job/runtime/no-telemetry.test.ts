import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const probe = `
  const { probeDevice } = await import(root + 'gpu-job/runtime/probe-device.ts');
  await probeDevice('cpu');`;
/** A second session, made where nothing says no any more. */
const unsilenced = `
  const { InferenceSession } = await import(root + 'node_modules/onnxruntime-node/dist/index.js');
  const create = InferenceSession.create;
  InferenceSession.create = (...given) => {
    delete process.env.ORT_DISABLE_TELEMETRY;
    return create.apply(InferenceSession, given);
  };`;
const job = `
  const { runJob } = await import(root + 'gpu-job/main.ts');
  const { parseSpec } = await import(root + 'shared/contract/specs/parse-spec.ts');
  await runJob(parseSpec({
    kind: 'generate', base: 'examples/tiny-base', prompts: [{ prompt: 'One' }], maxNewTokens: 1,
  }));`;
/** A thread that opens the runtime, begun by a main thread that knows nothing of it. */
const thread = `
  import { Worker } from 'node:worker_threads';
  const entry = root + 'gpu-job/doctor/probe.ts';
  await new Promise((done, failed) => {
    const worker = new Worker(new URL(root + 'shared/platform/start-thread.mjs'), { workerData: { entry } });
    worker.on('exit', done).on('error', failed);
  });`;

describe('the runtime', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lorary-telemetry-'));
    await mkdir(join(folder, 'home'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each([
    ['in the main thread', probe],
    ['in the thread of a job', job],
  ])('reports to no one and leaves no file (%s)', async (_, code) => {
    await runCode(folder, code);
    expect(await filesBelow(folder)).toEqual([]);
  });

  it('is refused in a thread whose main thread did not switch the reports off', async () => {
    await expect(runCode(folder, thread)).rejects.toThrow(/before it started this thread/);
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')('would report, were it not told', async () => {
    await runCode(folder, unsilenced + probe);
    expect((await filesBelow(folder)).some((path) => path.includes('deviceid'))).toBe(true);
  });
});

/** In a process that has its own home and temporary folder, and does not look like one of a pipeline, where the runtime reports nothing. */
async function runCode(folder: string, code: string): Promise<void> {
  const env = { PATH: process.env['PATH'], HOME: join(folder, 'home'), TMPDIR: folder };
  const file = join(folder, 'code.mjs');
  await writeFile(file, `const root = ${JSON.stringify(`${pathToFileURL(process.cwd()).href}/`)};${code}`);
  await promisify(execFile)(process.execPath, ['--import', 'tsx', file], { env });
  await rm(file);
}

/** Files, but for the sockets and caches of the compiler. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('tsx-'));
}
