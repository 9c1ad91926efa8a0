import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startAdvisoryServer } from './advisory-server.ts';
import { auditDependencies, verdictOf } from './audit.ts';
import { installedFindings } from './installed-findings.ts';
import { lockFindings, type Lock, type LockedPackage, type Manifest } from './lock-findings.ts';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const npmrc = readFileSync('.npmrc', 'utf8');

test('the packages of others are locked by their hash, may be used, come from the registry and run nothing', () => {
  expect(lockFindings(lock, manifest, npmrc)).toEqual([]);
});

test('what is installed is what is locked', () => {
  expect(installedFindings(lock, process.cwd())).toEqual([]);
});

describe('a planted fault is found:', () => {
  const sound: LockedPackage = { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==`, license: 'MIT' };
  const withPackage = (change: Partial<LockedPackage>): string[] =>
    lockFindings(
      { ...lock, packages: { ...lock.packages, 'node_modules/planted': { ...sound, ...change } } },
      manifest,
      npmrc,
    );

  test('the package that the others are made from is none', () => {
    expect(withPackage({})).toEqual([]);
    expect(
      withPackage({ license: '(MIT OR GPL-3.0-or-later)', dependencies: { hono: '^4.0.0 || >=5.0.0-rc.1 <6' } }),
    ).toEqual([]);
  });

  test.each<[string, Partial<LockedPackage>, string]>([
    ['a weak hash', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'has no SHA-512'],
    [
      'none, from git',
      { integrity: undefined as never, resolved: 'git+ssh://git@github.com/a/b.git#1' },
      'has no SHA-512',
    ],
    ['an address', { resolved: 'https://example.com/planted.tgz' }, 'comes from https://example.com/planted.tgz'],
    ['a folder', { link: true, resolved: '../elsewhere' }, 'is a folder of this machine'],
    ['a dependency by git', { dependencies: { a: 'github:b/a' } }, 'wants a from github:b/a'],
    ['a dependency by another name', { dependencies: { a: 'npm:b@1' } }, 'wants a from npm:b@1'],
    ['a dependency by its address', { optionalDependencies: { a: 'https://b/a.tgz' } }, 'wants a from https://b/a.tgz'],
    ['a script', { hasInstallScript: true }, 'wants to run a script when it is installed'],
    ['no licence', { license: undefined as never }, 'has the licence (none)'],
    ['a licence that binds users', { license: 'MIT AND GPL-3.0' }, 'has the licence MIT AND GPL-3.0'],
    ['one that only a tool may have', { license: 'MPL-2.0' }, 'has the licence MPL-2.0'],
  ])('%s', (_, change, what) => {
    expect(withPackage(change)).toContain(`planted ${what}`);
  });

  test('a tool may have a licence that others may not', () => {
    expect(withPackage({ license: 'MPL-2.0', dev: true })).toEqual([]);
  });

  test('scripts that are run, another lock file, a dependency that is not locked and a reason without a script', () => {
    expect(lockFindings(lock, manifest, npmrc.replace('ignore-scripts=true', ''))).toEqual([
      '.npmrc does not say ignore-scripts=true',
    ]);
    expect(lockFindings({ ...lock, lockfileVersion: 2 }, manifest, npmrc)).toEqual([
      'the lock file is of version 2, not 3',
    ]);
    const more = { ...manifest, dependencies: { ...manifest.dependencies, planted: '1.0.0' } };
    expect(lockFindings(lock, more, npmrc)).toEqual([
      'dependencies of package.json are not those of the lock file: npm install',
    ]);
    const { 'node_modules/esbuild': _, ...packages } = lock.packages;
    expect(lockFindings({ ...lock, packages }, manifest, npmrc)).toEqual([
      'esbuild has no install script any more: take it from the list',
    ]);
  });
});

describe('of what is installed is found:', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'lorary-dependencies-'));
    install('a', { name: 'a', version: '1.0.0' });
    install('@b/c', { name: '@b/c', version: '2.0.0' });
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const install = (name: string, value: object): void => {
    const file = join(root, 'node_modules', name, 'package.json');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(value));
  };
  const small: Lock = {
    lockfileVersion: 3,
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/@b/c': { version: '2.0.0' },
      'node_modules/for-another-system': { version: '1.0.0', optional: true },
    },
  };

  test('nothing where it is as locked', () => {
    expect(installedFindings(small, root)).toEqual([]);
  });

  test('another version, another package, one too many and one too few', () => {
    install('a', { name: 'a', version: '1.0.1' });
    install('@b/c', { name: '@b/d', version: '2.0.0' });
    install('@b/e', { name: '@b/e', version: '1.0.0' });
    const packages = { ...small.packages, 'node_modules/f': { version: '1.0.0' } };
    expect(installedFindings({ ...small, packages }, root)).toEqual([
      'node_modules/a is 1.0.1, and 1.0.0 is locked',
      'node_modules/@b/c calls itself @b/d',
      'node_modules/f is locked and not installed: npm ci',
      'node_modules/@b/e is installed and locked nowhere',
    ]);
  });
});

describe('the registry is asked, and', () => {
  const ask = async (name?: string) => {
    const server = await startAdvisoryServer(name);
    try {
      return await auditDependencies(server.url);
    } finally {
      server.close();
    }
  };

  test('an advisory against a package that users install is found, with what depends on it', async () => {
    const verdict = await ask('@smithy/core');
    expect(verdict).toMatchObject({
      kind: 'vulnerable',
      findings: expect.arrayContaining([
        expect.stringMatching(/^@smithy\/core .*: critical: A planted fault \(https:.*GHSA-planted\)$/),
        expect.stringMatching(/^@aws-sdk\/client-s3 .*by @smithy\/core/),
      ]) as string[],
    });
  });

  test('one against what only this repository is built with is not, nor is there one where nothing is known', async () => {
    expect(await ask('aws-cdk')).toMatchObject({ kind: 'clean' });
    expect(await ask()).toMatchObject({ kind: 'clean', packages: expect.any(Number) as number });
  });

  test('only a registry that says that it tells nobody is left out: one that cannot be reached is a failure', async () => {
    const refused = 'npm warn audit 405 Method Not Allowed - POST https://registry/-/npm/v1/security/advisories/bulk';
    expect(verdictOf('{"message": "audit endpoint returned an error"}', refused)).toMatchObject({
      kind: 'not-offered',
    });
    await expect(auditDependencies('http://127.0.0.1:9/')).rejects.toThrow(/npm audit came to nothing/);
    expect(() => verdictOf('', '503 Service Unavailable')).toThrow(/npm audit came to nothing/);
  });
});
