import { adapterHandlers } from '../adapters/app.ts';
import { budgetHandlers } from '../budgets/app.ts';
import { catalogHandlers } from '../catalog/app.ts';
import { generateHandlers } from '../generate/app.ts';
import type { Handler } from '../http/handler.ts';
import { jobHandlers } from '../jobs/app.ts';
import { teamHandlers } from '../teams/app.ts';
import { uploadHandlers } from '../uploads/app.ts';

/** Every function of the platform; on one machine one server answers them all. */
export const allHandlers: readonly Handler[] = [
  ...adapterHandlers,
  ...uploadHandlers,
  ...catalogHandlers,
  ...jobHandlers,
  ...budgetHandlers,
  ...generateHandlers,
  ...teamHandlers,
];
