import type { BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { FunctionName } from '../function-groups.ts';

/**
 * How the functions that start threads are bundled. A thread is started from a file beside the program, so those files come along, in the
 * folders that the program looks for them in; the bundle takes itself for a file of `shared/text/`.
 */
export function threadsOf(name: FunctionName): BundlingOptions {
  return name === 'catalog' ? templateThreads : {};
}

const esbuild = 'node_modules/.bin/esbuild --bundle --minify --platform=node --target=node22 --format=esm';

const templateThreads: BundlingOptions = {
  define: { 'import.meta.url': 'bundleUrl' },
  banner: [
    "import { createRequire } from 'node:module';",
    'const require = createRequire(import.meta.url);',
    "const bundleUrl = new URL('shared/text/bundle.mjs', import.meta.url).href;",
  ].join(' '),
  commandHooks: {
    beforeInstall: () => [],
    beforeBundling: () => [],
    afterBundling: (inputDir, outputDir) => [
      `cd ${inputDir}`,
      `${esbuild} --log-level=warning --outfile=${outputDir}/shared/text/template-worker.mjs shared/text/template-worker.ts`,
      `mkdir -p ${outputDir}/shared/platform`,
      `cp infra/threads/start-thread.mjs ${outputDir}/shared/platform/start-thread.mjs`,
    ],
  },
};
