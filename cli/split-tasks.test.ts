import { expect, test } from 'vitest';
import { splitTasks } from './split-tasks.ts';

test('a task is a name and the rows behind the first equals sign', () => {
  expect(splitTasks(['titles=a/b.jsonl', 'tags=x=y.jsonl'])).toEqual([
    { name: 'titles', rows: 'a/b.jsonl' },
    { name: 'tags', rows: 'x=y.jsonl' },
  ]);
});

test('every word that is no task is told', () => {
  expect(() => splitTasks(['rows.jsonl', 'good=rows.jsonl', '=rows.jsonl', 'name='])).toThrow(
    /rows\.jsonl: names no task[^]*=rows\.jsonl: names no task[^]*name=: names no task/,
  );
});
