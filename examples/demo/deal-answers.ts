import { hashedOrder } from './hashed-order.ts';
import { answerOf, questionOf, withAnswer, type TaskRow } from './task-rows.ts';

/**
 * The rows with their answers dealt to other rows: every answer is used once, and (where rows differ enough) none stays where it
 * was. Empty for plain text, which has no answers. Deterministic.
 */
export function dealAnswers(rows: readonly TaskRow[], seed: string): Record<string, unknown>[] {
  const answers = rows.map(answerOf);
  if (answers.includes(undefined)) return [];
  const order = hashedOrder(
    rows.map((row, i) => `${i}\0${questionOf(row)}`),
    seed,
  );
  // around the circle, each row gets the answer of the next one: nobody keeps their own
  const dealt = new Map(order.map((i, at) => [i, answers[order[(at + 1) % order.length] as number]]));
  return rows.map((row, i) => withAnswer(row, dealt.get(i)));
}
