import type { Command } from './command.ts';
import { adminBootstrap } from './commands/admin-bootstrap.ts';
import { adminBudget, adminRecount, adminSetBudget } from './commands/admin-budget.ts';
import { adminDoctor } from './commands/admin-doctor.ts';
import { alias } from './commands/alias.ts';
import { aliasApprove, aliasProtect } from './commands/alias-protect.ts';
import { audit, auditVerify } from './commands/audit.ts';
import { backup } from './commands/backup.ts';
import { baseAdd } from './commands/base-add.ts';
import { baseLs } from './commands/base-ls.ts';
import { budget, budgetSet } from './commands/budget.ts';
import { cancel } from './commands/cancel.ts';
import { completionOf } from './commands/completion.ts';
import { checkCommand } from './commands/check.ts';
import { compose } from './commands/compose.ts';
import { dataCheck } from './commands/data-check.ts';
import { dataErase } from './commands/data-erase.ts';
import { dataLs } from './commands/data-ls.ts';
import { dataPush } from './commands/data-push.ts';
import { doctor } from './commands/doctor.ts';
import { estimate } from './commands/estimate.ts';
import { evaluate } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { findRate } from './commands/find-rate.ts';
import { generate } from './commands/generate.ts';
import { jobs } from './commands/jobs.ts';
import { keysTrust } from './commands/keys-trust.ts';
import { keysCreate, keysLs, keysRevoke, keysRotate } from './commands/keys.ts';
import { login } from './commands/login.ts';
import { lineage } from './commands/lineage.ts';
import { logs } from './commands/logs.ts';
import { ls } from './commands/ls.ts';
import { merge } from './commands/merge.ts';
import { presets } from './commands/presets.ts';
import { pull } from './commands/pull.ts';
import { push } from './commands/push.ts';
import { quantize } from './commands/quantize.ts';
import { restoreCommand } from './commands/restore.ts';
import { resume } from './commands/resume.ts';
import { rollback } from './commands/rollback.ts';
import { run } from './commands/run.ts';
import {
  serviceAccountsCreate,
  serviceAccountsDisable,
  serviceAccountsEnable,
  serviceAccountsLs,
} from './commands/service-accounts.ts';
import { share, unshare } from './commands/share.ts';
import { show } from './commands/show.ts';
import { smoke } from './commands/smoke.ts';
import { sweep } from './commands/sweep.ts';
import { teamsCreate, teamsLs } from './commands/teams.ts';
import { train } from './commands/train.ts';
import { trainTasks } from './commands/train-tasks.ts';
import { undelete } from './commands/undelete.ts';
import { up } from './commands/up.ts';
import { verify } from './commands/verify.ts';
import { watch } from './commands/watch.ts';
import { withdraw } from './commands/withdraw.ts';
import { adopt } from './server/adopt.ts';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  up,
  login,
  doctor,
  smoke,
  baseAdd,
  baseLs,
  dataCheck,
  dataPush,
  dataLs,
  dataErase,
  train,
  estimate,
  trainTasks,
  presets,
  findRate,
  sweep,
  evaluate,
  generate,
  compose,
  merge,
  exportCommand,
  quantize,
  run,
  checkCommand(adopt),
  push,
  pull,
  verify,
  ls,
  show,
  lineage,
  alias,
  aliasProtect,
  aliasApprove,
  rollback,
  withdraw,
  undelete,
  share,
  unshare,
  jobs,
  watch,
  logs,
  cancel,
  resume,
  budget,
  budgetSet,
  keysLs,
  keysCreate,
  keysRotate,
  keysRevoke,
  keysTrust,
  serviceAccountsLs,
  serviceAccountsCreate,
  serviceAccountsDisable,
  serviceAccountsEnable,
  teamsLs,
  teamsCreate,
  audit,
  auditVerify,
  backup,
  restoreCommand,
  adminDoctor,
  adminBootstrap,
  adminBudget,
  adminSetBudget,
  adminRecount,
  completionOf(() => commands),
];
