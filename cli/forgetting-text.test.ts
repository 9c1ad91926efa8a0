import { expect, test } from 'vitest';
import { forgettingText } from './forgetting-text.ts';

test('the table marks the scale whose gain less forgotten is largest', () => {
  const scales = [
    { scale: 0, taskLoss: 3, gain: 0, generalLoss: 2, forgotten: 0 },
    { scale: 0.5, taskLoss: 2, gain: 1, generalLoss: 2.25, forgotten: 0.25 },
    { scale: 1, taskLoss: 1.5, gain: 1.5, generalLoss: null, forgotten: null },
  ];
  const counts = { taskRows: 32, generalRows: 32, generalText: 'built-in', tokens: 100, seconds: 1 };
  expect(forgettingText({ ...counts, scales, bestScale: 0.5, bestTaskScale: 1 }).split('\n')).toEqual([
    'Learnt and forgotten on 32 rows of the task and 32 general texts, nats per token:',
    'scale  task    gain    general    forgotten',
    '    0  3.0000  0.0000  2.0000     0.0000',
    '  0.5  2.0000  1.0000  2.2500     0.2500     best',
    '    1  1.5000  1.5000  no number  no number',
    'Gain less forgotten is largest at scale 0.5; the task alone is learnt best at 1.',
  ]);
});
