import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** In the place of `nvidia-smi`: tools that run a line of shell each, in a folder that goes when the tests of the file are over. */
export function driverTools(): { readonly missing: string; tool(line: string): Promise<string> } {
  let folder = '';
  let count = 0;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'lorary-driver-'))));
  afterAll(() => rm(folder, { recursive: true }));
  return {
    missing: join(tmpdir(), 'nowhere', 'nvidia-smi'),
    async tool(line) {
      const path = join(folder, `tool-${count++}`);
      await writeFile(path, `#!/bin/sh\n${line}\n`);
      await chmod(path, 0o755);
      return path;
    },
  };
}

/** What a tool runs that says this of the second GPU, and nothing of any other. */
export const ofSecondGpu = (answer: string): string => `[ "$1" = --id=1 ] && echo '${answer}'`;
