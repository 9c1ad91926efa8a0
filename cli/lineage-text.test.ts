import { expect, test } from 'vitest';
import type { LineageNode } from '../shared/contract/lineage.ts';
import { lineageText } from './lineage-text.ts';

const node = (id: string, depth: number, next: string[], more: Partial<LineageNode> = {}): LineageNode => ({
  kind: 'version',
  id,
  name: id,
  version: 1,
  state: 'there',
  depth,
  next,
  ...more,
});

test('a tree unfolds each thing once, and says what is gone and how much is left out', () => {
  const nodes = [
    node('both', 0, ['first', 'second', 'unseen']),
    node('first', 1, ['letters']),
    node('second', 1, ['first'], { state: 'gone' }),
    node('letters', 2, [], { kind: 'dataset' }),
  ];
  expect(lineageText(nodes)).toBe(
    [
      'both@1',
      '├─ first@1',
      '│  └─ dataset letters',
      '└─ second@1 (gone)',
      '   └─ first@1 (see above)',
      '   1 more',
    ].join('\n'),
  );
});

test('things that were made of each other do not unfold for ever', () => {
  expect(lineageText([node('a', 0, ['b']), node('b', 1, ['a'])])).toBe('a@1\n└─ b@1\n   └─ a@1 (see above)');
});
