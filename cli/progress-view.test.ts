import { expect, test } from 'vitest';
import { durationText, progressView, type ProgressView } from './progress-view.ts';

function screen(isTerminal: boolean): { view: ProgressView; text: () => string; pass: (seconds: number) => void } {
  let [text, now] = ['', 0];
  const write = (added: string): void => void (text += added);
  const view = progressView({ write, isTerminal, columns: 60, now: () => now });
  return { view, text: () => text, pass: (seconds) => void (now += seconds * 1000) };
}

const step = (at: number): Parameters<ProgressView['show']>[0] => ({
  type: 'step',
  step: at,
  steps: 100,
  epoch: 0,
  loss: 1.5,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokensPerSecond: 12_345.6,
  secondsLeft: 80,
});

test('a terminal has one live line that is drawn over, cut to its width, and taken away at the end', () => {
  const { view, text, pass } = screen(true);
  view.show(step(1));
  view.show(step(2)); // too soon to draw
  pass(1);
  view.show(step(3));
  view.end();
  const lines = text().split('\r\u001B[K');
  expect(lines).toHaveLength(4);
  expect(lines[1]).toContain('step 1/100  loss 1.5000');
  expect(lines[2]).toContain('step 3/100');
  for (const line of lines) expect(line.length).toBeLessThan(60);
  expect(lines[3]).toBe('');
});

test('elsewhere there are plain lines, now and then, and the last step always', () => {
  const { view, text, pass } = screen(false);
  view.show(step(1));
  pass(5);
  view.show(step(2));
  view.show({ type: 'eval', step: 2, loss: 1.25, tokenAccuracy: 0.5 });
  pass(6);
  view.show(step(3));
  view.show(step(100));
  expect(text()).toBe(
    [
      'step 1/100  loss 1.5000  12,346 tokens/s  1 min 20 s left',
      'step 2: held-out loss 1.2500, 50.0% of tokens right',
      'step 3/100  loss 1.5000  held-out 1.2500  12,346 tokens/s  1 min 20 s left',
      'step 100/100  loss 1.5000  held-out 1.2500  12,346 tokens/s  1 min 20 s left',
      '',
    ].join('\n'),
  );
});

test('what a model writes cannot steer the terminal', () => {
  const { view, text } = screen(false);
  view.show({ type: 'sample', step: 1, prompt: 'a\nb', text: '\u001B[2J' });
  expect(text()).toBe('step 1: "a\\nb" -> "\\u001b[2J"\n');
});

test('durations are told in two units at most', () => {
  expect([0.4, 59, 61, 3599, 3661].map(durationText)).toEqual([
    '0 s',
    '59 s',
    '1 min 01 s',
    '59 min 59 s',
    '1 h 01 min',
  ]);
});
