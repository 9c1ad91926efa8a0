import type { Handler } from '../http/handler.ts';
import { createKey } from './create-key.ts';
import { getSigningKey } from './get-signing-key.ts';
import { listAuditSeals } from './list-audit-seals.ts';
import { createServiceAccount } from './create-service-account.ts';
import { listAudit } from './list-audit.ts';
import { listKeys } from './list-keys.ts';
import { listServiceAccounts } from './list-service-accounts.ts';
import { revokeKey } from './revoke-key.ts';
import { rotateKey } from './rotate-key.ts';
import { updateServiceAccount } from './update-service-account.ts';
import { whoAmI } from './who-am-i.ts';

/** What this function answers. */
export const teamHandlers: readonly Handler[] = [
  whoAmI,
  createKey,
  listKeys,
  rotateKey,
  revokeKey,
  createServiceAccount,
  listServiceAccounts,
  updateServiceAccount,
  listAudit,
  listAuditSeals,
  getSigningKey,
];
