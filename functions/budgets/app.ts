import type { Handler } from '../http/handler.ts';
import { getBudget } from './get-budget.ts';
import { listBudgets } from './list-budgets.ts';
import { setBudget } from './set-budget.ts';

/** What may be spent; answered by the same function as jobs. */
export const budgetHandlers: readonly Handler[] = [listBudgets, getBudget, setBudget];
