/** The models that are measured on both tasks. */
export const variants = ['base', 'adapter1', 'adapter2', 'composite', 'merged'] as const;
export type Variant = (typeof variants)[number];

export interface Score {
  /** Nats per label. */
  readonly loss: number;
  /** Share of rows answered exactly, and of labels that are the likeliest token. */
  readonly exact: number;
  readonly tokenAccuracy: number;
}

/** Scores of each model on task 1 and task 2. */
export type Matrix = Readonly<Record<Variant, readonly [Score, Score]>>;

/** Loss of an adapter on its own held-out rows, and on the same rows with their answers dealt to other questions. */
export interface Pairing {
  readonly own: number;
  /** Undefined where rows have no answers. */
  readonly dealt: number | undefined;
}

export interface Verdict {
  readonly rule: string;
  readonly passed: boolean;
  /** `warning`: told, but does not make the demo fail. */
  readonly severity: 'error' | 'warning';
  readonly text: string;
}

const cutMin = 0.15;
const mergeDifferenceMax = 1e-3;
const pairingGainMin = 0.05;

/**
 * Whether the figures show that it worked. `pairingBinds`: an adapter that predicts the right answers no better than answers dealt
 * at random has learnt what answers look like, not which belongs where. That is a failure for tasks that are known to have right
 * answers, and only worth a warning for data we know nothing of: answers in a fixed style are a fair thing to learn, too.
 */
export function judge(
  matrix: Matrix,
  tasks: readonly [string, string],
  pairings: readonly [Pairing, Pairing],
  options: { readonly pairingBinds: boolean },
): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (rule: string, passed: boolean, text: string, severity: Verdict['severity'] = 'error'): void =>
    void verdicts.push({ rule, passed, severity, text });
  for (const [i, task] of tasks.entries()) {
    const at = i as 0 | 1; // tasks has two entries
    const other = matrix[at === 0 ? 'adapter2' : 'adapter1'][at].loss;
    const own = matrix[at === 0 ? 'adapter1' : 'adapter2'][at].loss;
    const base = matrix.base[at].loss;
    const composite = matrix.composite[at].loss;
    const difference = matrix.merged[at].loss - composite;
    add(
      'cut',
      own <= (1 - cutMin) * base,
      `${task}: its adapter cuts the loss by ${percent(1 - own / base)} (${nats(base)} to ${nats(own)}); wanted ${percent(cutMin)}`,
    );
    add('own', own < other, `${task}: its adapter has ${nats(own)}, the other one ${nats(other)}; wanted less`);
    add(
      'composite',
      composite < base,
      `${task}: the composite has ${nats(composite)}, the base ${nats(base)}; wanted less`,
    );
    add(
      'merge',
      Math.abs(difference) <= mergeDifferenceMax,
      `${task}: merged minus composite is ${difference.toExponential(1)} nats; wanted at most ${mergeDifferenceMax}`,
    );
    const dealt = pairings[at].dealt;
    if (dealt !== undefined)
      add(
        'pairing',
        pairings[at].own <= (1 - pairingGainMin) * dealt,
        `${task}: right answers have ${nats(pairings[at].own)}, answers dealt to other questions ${nats(dealt)}; wanted ${percent(pairingGainMin)} less`,
        options.pairingBinds ? 'error' : 'warning',
      );
  }
  return verdicts;
}

/** Whether every binding rule holds. */
export const allPassed = (verdicts: readonly Verdict[]): boolean =>
  verdicts.every(({ passed, severity }) => passed || severity === 'warning');

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
const nats = (loss: number): string => loss.toFixed(3);
