import { expect, test } from 'vitest';
import { DomainError } from '../errors.ts';
import { baseWrite, presentBase, readBase, readyBase, type BaseRecord } from './bases.ts';

const draft: BaseRecord = {
  id: 'bas_1',
  team: 'acme',
  name: 'tiny',
  state: 'draft',
  description: '',
  architecture: null,
  parameters: null,
  contextTokens: null,
  dtypes: [],
  hasChatTemplate: false,
  files: [],
  sizeBytes: 0,
  sha256: null,
  source: { kind: 'upload', repository: undefined },
  lineage: { origin: 'import' },
  findings: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  createdBy: 'key',
  tensors: null,
  uploadId: 'upl_1',
};
const file = {
  path: 'config.json',
  sizeBytes: 2,
  sha256: 'a'.repeat(64),
  blob: { key: 'acme/bases/bas_1/files/config.json', versionId: 'v' },
};

test.each(['draft', 'importing', 'failed'] as const)('refuses to use a base that is %s', (state) => {
  expect(() => readyBase({ ...draft, state })).toThrow(DomainError);
});

test('refuses a base that says it is ready and has no tensors', () => {
  expect(() => readyBase({ ...draft, state: 'ready', sha256: 'a'.repeat(64) })).toThrow(/not ready/);
});

test('a base is read as it was written, without what was undefined', () => {
  const write = baseWrite({ ...draft, files: [file] });
  if (!('put' in write)) throw new Error('it puts a record');
  const { value } = readBase({ ...write.put, revision: 1 });
  expect(value.files).toEqual([file]);
  expect(Object.keys(value.source)).toEqual(['kind']);
});

test('callers see neither the team nor where the bytes are', () => {
  const shown = JSON.stringify(presentBase({ ...draft, files: [file] }));
  expect(shown).not.toContain('acme');
  expect(shown).not.toContain('blob');
  expect(shown).not.toContain('upl_1');
});
