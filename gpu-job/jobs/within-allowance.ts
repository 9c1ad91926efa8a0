import { DomainError, UnavailableError } from '../../shared/errors.ts';
import type { JobContext } from './job-context.ts';

/**
 * Runs a job that has nothing to show before it is done: its allowance spent, it is asked to end like any job that is stopped, and what it
 * then throws is no reason to try again. Throws `DomainError('budget-spent')`.
 */
export async function withinAllowance<T>(context: JobContext, work: (context: JobContext) => Promise<T>): Promise<T> {
  const isSpent = (): boolean => (context.secondsLeft?.() ?? 1) <= 0;
  try {
    return await work({ ...context, stopRequested: () => context.stopRequested() || isSpent() });
  } catch (error) {
    if (!(error instanceof UnavailableError) || context.stopRequested() || !isSpent()) throw error;
    throw new DomainError('budget-spent', `Its allowance is spent: ${error.message} Give it a larger budget.`, {
      cause: error,
    });
  }
}
