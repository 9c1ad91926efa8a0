import { expect, test } from 'vitest';
import { fileFindings } from './image-files.ts';

const lock = {
  packages: {
    '': {},
    'node_modules/zod': {},
    'node_modules/vitest': { dev: true },
    'node_modules/@libsql/darwin-arm64': { optional: true },
  },
};
const good = ['app/package.json', 'app/node_modules/zod/package.json', 'app/gpu-job/main.ts', 'app/shared/errors.ts'];

test.each([
  ['app/node_modules/vitest/package.json', 'node_modules/vitest is for development only'],
  ['app/gpu-job/main.test.ts', 'app/gpu-job/main.test.ts does not belong there'],
  ['app/.env', 'app/.env does not belong there'],
  ['app/cli/main.ts', 'app/cli/main.ts does not belong there'],
  ['work/left-over', 'work/left-over does not belong there'],
  [
    'app/node_modules/onnxruntime-node/bin/napi-v6/win32/x64/onnxruntime.dll',
    'app/node_modules/onnxruntime-node/bin/napi-v6/win32/x64/onnxruntime.dll does not belong there',
  ],
])('%s is found', (path, finding) => {
  expect(fileFindings([...good, path], lock, [])).toEqual([finding]);
});

test('what the job needs and has not is found', () => {
  expect(fileFindings(good.slice(2), lock, ['gpu-job/main.ts', 'shared/limits.ts'])).toEqual([
    'node_modules/zod is missing',
    'shared/limits.ts is missing, and the job imports it',
  ]);
  expect(fileFindings(good, lock, ['gpu-job/main.ts'])).toEqual([]);
});
