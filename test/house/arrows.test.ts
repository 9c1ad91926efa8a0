import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseOptions, type IFlattenedRuleSet } from 'dependency-cruiser';
import { afterEach, describe, expect, test } from 'vitest';

// the config is CommonJS because the tool's command line wants it so
const config = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
  forbidden: { name: string }[];
  options: ICruiseOptions;
};

/** For every rule a file that breaks it: [rule, file, what it imports]. */
const faults: readonly (readonly [string, string, string])[] = [
  ['no-cycles', 'shared/domain/a.ts', '../domain/b.ts'],
  ['no-unresolved', 'shared/domain/a.ts', './nowhere.ts'],
  ['no-product-to-test', 'gpu-job/jobs/a.ts', '../../test/support/b.ts'],
  ['foundation-imports-nothing', 'shared/errors.ts', './formats/b.ts'],
  ['formats-are-pure', 'shared/formats/a.ts', 'node:fs'],
  ['methods-are-pure', 'shared/methods/a.ts', '../domain/b.ts'],
  ['contract-runs-in-a-browser', 'shared/contract/a.ts', 'node:path'],
  ['domain-is-pure', 'shared/domain/a.ts', 'node:fs'],
  ['files-are-byte-sources', 'shared/files/a.ts', '../domain/b.ts'],
  ['hub-stands-alone', 'shared/hub/a.ts', '../local/b.ts'],
  ['validation-reads-through-sources', 'shared/validation/a.ts', 'node:crypto'],
  ['text-knows-formats', 'shared/text/a.ts', '../domain/b.ts'],
  ['signing-is-checked-anywhere', 'shared/signing/a.ts', '../records/b.ts'],
  ['records-know-one-table', 'shared/records/a.ts', '../local/b.ts'],
  ['uploads-are-validated-once-written', 'shared/upload-validation/a.ts', '../local/b.ts'],
  ['infra-knows-names-only', 'infra/stacks/a.ts', '../../functions/jobs/b.ts'],
  ['infra-knows-names-only', 'infra/stacks/a.ts', '../../shared/aws/aws-world.ts'],
  ['one-cloud-kit', 'functions/jobs/a.ts', 'aws-cdk-lib'],
  ['telemetry-at-the-edge', 'functions/jobs/a.ts', '@aws-lambda-powertools/logger'],
  ['functions-know-no-engine', 'functions/jobs/a.ts', '../../gpu-job/jobs/b.ts'],
  ['functions-know-no-world', 'functions/jobs/a.ts', '../../shared/local/b.ts'],
  ['functions-stand-apart', 'functions/jobs/a.ts', '../adapters/b.ts'],
  ['layers-know-the-graph', 'gpu-job/nn/a.ts', 'zod'],
  ['contract-runs-in-a-browser', 'shared/contract/a.ts', '@hono/node-server'],
  ['ports-stand-on-nothing', 'shared/platform/a.ts', 'libsql'],
  ['local-world-knows-the-ports', 'shared/local/a.ts', '../aws/b.ts'],
  ['aws-world-knows-the-ports', 'shared/aws/a.ts', '../local/b.ts'],
  ['one-sdk', 'functions/jobs/a.ts', '@aws-sdk/client-s3'],
  ['job-knows-no-world', 'gpu-job/jobs/a.ts', '../../shared/local/b.ts'],
  ['graph-stands-alone', 'gpu-job/graph/a.ts', '../nn/b.ts'],
  ['autodiff-knows-the-graph', 'gpu-job/autodiff/a.ts', '../runtime/b.ts'],
  ['layers-know-the-graph', 'gpu-job/nn/a.ts', '../methods/b.ts'],
  ['models-know-no-method', 'gpu-job/models/a.ts', '../methods/b.ts'],
  ['one-runtime', 'gpu-job/training/a.ts', 'onnxruntime-node'],
  ['shared-knows-no-one', 'shared/formats/a.ts', '../../gpu-job/jobs/b.ts'],
  ['cli-is-thin', 'cli/a.ts', '../gpu-job/graph/b.ts'],
  ['cli-knows-no-server', 'cli/a.ts', '../shared/records/b.ts'],
  ['crash-check-knows-no-product', 'test/crash/check/a.ts', '../../../shared/records/b.ts'],
  ['crash-check-knows-no-product', 'test/crash/check/a.ts', '../../support/b.ts'],
];

let folder = '';
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the arrow check sees a planted bad import', () => {
  test.each(faults)('%s: %s imports %s', async (rule, file, imported) => {
    const target = imported.startsWith('.') && rule !== 'no-unresolved' ? join(dirname(file), imported) : undefined;
    const back = rule === 'no-cycles' ? `import '../domain/a.ts';` : 'export {};';
    const packaged = /^[a-z@]/.test(imported) && !imported.startsWith('node:') ? packageFiles(imported) : {};
    const files = { [file]: `import '${imported}';`, ...(target ? { [target]: back } : {}), ...packaged };
    expect(await violations(files)).toContain(rule);
  });

  test('every rule has a planted fault', () => {
    const planted = new Set(faults.map(([rule]) => rule));
    expect(config.forbidden.map(({ name }) => name).toSorted()).toEqual([...planted].toSorted());
  });
});

test('imports along the arrows are accepted', async () => {
  const files = {
    'shared/errors.ts': 'export {};',
    'shared/formats/a.ts': `import '../errors.ts';`,
    'shared/domain/b.ts': `import '../formats/a.ts';`,
    'gpu-job/graph/c.ts': `import '../../shared/errors.ts';`,
    'gpu-job/models/d.ts': `import '../graph/c.ts';`,
    'gpu-job/jobs/e.ts': `import '../models/d.ts'; import 'node:fs';`,
  };
  expect(await violations(files)).toEqual([]);
});

/** An installed package, so that an import of it resolves as it does in the real tree. */
const packageFiles = (name: string): Record<string, string> => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, main: 'index.js' }),
  [`node_modules/${name}/index.js`]: '',
});

/** Names of the rules that a small tree of files breaks. */
async function violations(files: Readonly<Record<string, string>>): Promise<string[]> {
  folder = await mkdtemp(join(tmpdir(), 'lorary-arrows-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const { tsConfig: _, ...options } = config.options;
  const roots = new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''));
  roots.delete('node_modules');
  const result = await cruise([...roots], {
    ...options,
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: config.forbidden } as IFlattenedRuleSet, // the rules are written in plain JavaScript
  });
  if (typeof result.output === 'string') throw new Error('the cruise gives an object unless a reporter is chosen');
  return result.output.summary.violations.map(({ rule }) => rule.name);
}
