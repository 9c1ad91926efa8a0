import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createApp } from '../../infra/app.ts';
import { baseImages } from '../../infra/constructs/base-images.ts';
import { readSettings } from '../../infra/settings.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

test('a base that is no digest is refused, all at once', () => {
  const given = { NODE_IMAGE: 'node:22', CUDA_IMAGE: `nvidia/cuda@${digest('x')}` };
  expect(() => baseImages(given)).toThrow(/NODE_IMAGE: "node:22" is no image by its digest.*; CUDA_IMAGE: /);
});

test('without any the tags of the file hold', () => {
  expect(baseImages({ NODE_IMAGE: '', PATH: '/bin' })).toEqual({});
});

test('the images of a stage are built on the bases that a pipeline gives', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'lorary-bases-'));
  vi.stubEnv('NODE_IMAGE', `node@${digest('a')}`);
  try {
    createApp(readSettings('dev'), { outdir, context: { 'aws:cdk:bundling-stacks': [] } }).synth();
    const manifest = readFileSync(join(outdir, 'lorary-dev-jobs.assets.json'), 'utf8');
    const { dockerImages } = JSON.parse(manifest) as { dockerImages: Record<string, { source: object }> };
    const sources = Object.values(dockerImages).map(({ source }) => source);
    expect(sources).toHaveLength(2);
    for (const source of sources)
      expect(source).toMatchObject({ dockerBuildArgs: { NODE_IMAGE: `node@${digest('a')}` } });
  } finally {
    vi.unstubAllEnvs();
    rmSync(outdir, { recursive: true });
  }
});
