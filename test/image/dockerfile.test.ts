import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { contextFiles } from './context-files.ts';
import { environmentOf, lastStep, readStages } from './dockerfile.ts';
import { images } from './images.ts';
import { lintDockerfile } from './lint-dockerfile.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const text = await readFile(new URL('../../gpu-job/Dockerfile', import.meta.url), 'utf8');

test.each([
  ['USER 1000:1000', 'USER root', /cpu: runs as "root"/],
  ['USER 1000:1000', 'USER node', /runs as "node"/],
  ['USER 1000:1000', '', /runs as "root"/],
  ['STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGKILL', /not stopped by SIGTERM/],
  ['HEALTHCHECK NONE', '', /health check/],
  ['ENTRYPOINT ["node", "--import", "tsx", "/app/gpu-job/main.ts"]', 'ENTRYPOINT node main.ts', /run by a shell/],
  [' --omit=dev', '', /--omit=dev/],
  ['npm ci', 'npm install', /npm ci/],
  [' --ignore-scripts', '', /--ignore-scripts/],
  [' --require-hashes', '', /--require-hashes/],
  ['COPY gpu-job ./gpu-job', 'COPY . .', /name it/],
  ['COPY gpu-job ./gpu-job', 'ADD gpu-job ./gpu-job', /use COPY/],
  ['node:22-bookworm-slim', 'node', /"node" names neither a version nor a digest/],
  ['node:22-bookworm-slim', 'node:latest', /names neither/],
  ['ENV NODE_ENV', 'ENV HF_TOKEN=abc NODE_ENV', /a secret/],
  ['USER 1000:1000', 'RUN apt-get update\nUSER 1000:1000', /run commands in a stage before/],
  ['WORKDIR /provider', 'WORKDIR', /line \d+: .*argument/],
  ['WORKDIR /provider', 'WROKDIR /provider', /line \d+: Unknown instruction: WROKDIR/],
  ['AS gpu\n', 'AS cuda\n', /gpu: there is no such stage/],
] as const)('"%s" changed to "%s" is found', (from, to, expected) => {
  expect(text).toContain(from);
  expect(lintDockerfile(text.replace(from, to), images).join('\n')).toMatch(expected);
});

test('the file is clean, and a base may be named by its digest', () => {
  expect(lintDockerfile(text, images)).toEqual([]);
  const pinned = text.replace('node:22-bookworm-slim', `node@sha256:${'0'.repeat(64)}`);
  expect(lintDockerfile(pinned, images)).toEqual([]);
});

test('both images start the job, know what they are for and have the same user', () => {
  const stages = readStages(text);
  for (const image of images) {
    expect(lastStep(stages, image, 'ENTRYPOINT')?.text).toBe('["node", "--import", "tsx", "/app/gpu-job/main.ts"]');
    expect(environmentOf(stages, image)).toMatchObject({ NODE_ENV: 'production', LORARY_WORK: '/work' });
  }
  expect(environmentOf(stages, 'gpu')).toMatchObject({
    LORARY_DEVICE: 'cuda',
    NVIDIA_DRIVER_CAPABILITIES: 'compute,utility',
    NVIDIA_TF32_OVERRIDE: '0',
    CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  });
  expect(stages.find(({ name }) => name === 'gpu')?.base).toMatch(
    /^nvidia\/cuda:13\.0\.\d+-cudnn-runtime-ubuntu24\.04$/,
  );
});

test('a build gets the job and what it shares, and neither tests nor anything that was made or kept here', async () => {
  const files = await contextFiles(root);
  expect(files).toContain('gpu-job/main.ts');
  expect(files).toContain('shared/platform/start-thread.mjs');
  expect(files.filter((path) => !/^(gpu-job|shared)\//.test(path))).toEqual([
    '.npmrc',
    'package-lock.json',
    'package.json',
    'tsconfig.json',
  ]);
  expect(files.filter((path) => /\.test\.|node_modules|\.lorary|\.cache|\.env/.test(path))).toEqual([]);
});
