import type { Handler } from '../http/handler.ts';
import { createKey } from './create-key.ts';
import { listAudit } from './list-audit.ts';
import { listKeys } from './list-keys.ts';
import { revokeKey } from './revoke-key.ts';
import { whoAmI } from './who-am-i.ts';

/** What this function answers. */
export const teamHandlers: readonly Handler[] = [whoAmI, createKey, listKeys, revokeKey, listAudit];
