import { describe, expect, it } from 'vitest';
import { allPassed, judge, type Matrix, type Score } from './exit-rules.ts';

const score = (loss: number): Score => ({ loss, exact: 0, tokenAccuracy: 0 });
const pair = (first: number, second: number): [Score, Score] => [score(first), score(second)];

const good: Matrix = {
  base: pair(4, 6),
  adapter1: pair(1, 5),
  adapter2: pair(3, 2),
  composite: pair(1.5, 2.5),
  merged: pair(1.5, 2.5),
};
const tasks = ['first', 'second'] as const;
const pairings = [
  { own: 1, dealt: 3 },
  { own: 2, dealt: 4 },
] as const;

function failures(matrix: Matrix, dealt: readonly [number | undefined, number | undefined] = [3, 4]): string[] {
  const own = [
    { own: matrix.adapter1[0].loss, dealt: dealt[0] },
    { own: matrix.adapter2[1].loss, dealt: dealt[1] },
  ] as const;
  return judge(matrix, tasks, own, { pairingBinds: true })
    .filter(({ passed }) => !passed)
    .map(({ rule, text }) => `${rule} ${text.split(':')[0]}`);
}

describe('judge', () => {
  it('finds nothing wrong with a run that worked', () => {
    expect(failures(good)).toEqual([]);
    expect(judge(good, tasks, pairings, { pairingBinds: true })).toHaveLength(10);
  });

  it('wants a cut of 15% on each own task, exactly 15% being enough', () => {
    expect(failures({ ...good, base: pair(4, 6), adapter1: pair(3.4, 5), adapter2: pair(3.5, 2) }, [9, 9])).toEqual([]);
    expect(failures({ ...good, adapter1: pair(3.41, 5), adapter2: pair(3.5, 2) }, [9, 9])).toEqual(['cut first']);
    expect(failures({ ...good, adapter1: pair(1, 6), adapter2: pair(3, 5.2) }, [9, 9])).toEqual(['cut second']);
  });

  it('wants each adapter to beat the other one on its own task', () => {
    expect(failures({ ...good, adapter2: pair(0.9, 2) })).toEqual(['own first']);
    expect(failures({ ...good, adapter1: pair(1, 2) })).toEqual(['own second']);
  });

  it('wants the composite below the base on both tasks', () => {
    expect(failures({ ...good, composite: pair(4, 2.5), merged: pair(4, 2.5) })).toEqual(['composite first']);
    expect(failures({ ...good, composite: pair(1.5, 6.1), merged: pair(1.5, 6.1) })).toEqual(['composite second']);
  });

  it('wants the merged model within a thousandth of the composite, on either side', () => {
    expect(failures({ ...good, merged: pair(1.5009, 2.4991) })).toEqual([]);
    expect(failures({ ...good, merged: pair(1.5011, 2.5) })).toEqual(['merge first']);
    expect(failures({ ...good, merged: pair(1.5, 2.4989) })).toEqual(['merge second']);
  });

  it('refuses figures that are no numbers', () => {
    expect(failures({ ...good, adapter1: pair(NaN, 5) })).toEqual(['cut first', 'own first', 'pairing first']);
    expect(failures({ ...good, merged: pair(1.5, NaN) })).toEqual(['merge second']);
  });

  it('catches adapters that learnt what answers look like and not which belongs where, as shuffled labels teach', () => {
    // the loss falls far below the base's all the same: no other rule sees it
    expect(failures(good, [1.02, 2.01])).toEqual(['pairing first', 'pairing second']);
  });

  it('only warns of that for data it knows nothing of, and says nothing of plain text', () => {
    const learntStyle = [{ own: 1, dealt: 1.01 }, { own: 2, dealt: undefined }] as const; // prettier-ignore
    const verdicts = judge(good, tasks, learntStyle, { pairingBinds: false });
    expect(verdicts.filter(({ passed }) => !passed).map(({ rule, severity }) => `${severity}: ${rule}`)).toEqual([
      'warning: pairing',
    ]);
    expect(allPassed(verdicts)).toBe(true);
    expect(allPassed(judge(good, tasks, learntStyle, { pairingBinds: true }))).toBe(false);
  });
});
