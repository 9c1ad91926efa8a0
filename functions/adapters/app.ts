import type { Handler } from '../http/handler.ts';
import { approveVersion } from './approve-version.ts';
import { beginUpload } from './begin-upload.ts';
import { createAdapter } from './create-adapter.ts';
import { deleteAdapter } from './delete-adapter.ts';
import { deleteAlias } from './delete-alias.ts';
import { getAdapter } from './get-adapter.ts';
import { getProtection } from './get-protection.ts';
import { getVersionChecks } from './get-version-checks.ts';
import { getVersionManifest } from './get-version-manifest.ts';
import { getVersion } from './get-version.ts';
import { listAdapters } from './list-adapters.ts';
import { listAliasHistory } from './list-alias-history.ts';
import { listLineage } from './list-lineage.ts';
import { listSharedAdapters } from './list-shared-adapters.ts';
import { listShares } from './list-shares.ts';
import { listVersionFiles } from './list-version-files.ts';
import { listVersions } from './list-versions.ts';
import { protectAlias } from './protect-alias.ts';
import { restoreAdapter } from './restore-adapter.ts';
import { rollbackAlias } from './rollback-alias.ts';
import { setAlias } from './set-alias.ts';
import { shareAdapter } from './share-adapter.ts';
import { unprotectAlias } from './unprotect-alias.ts';
import { unshareAdapter } from './unshare-adapter.ts';
import { updateAdapter } from './update-adapter.ts';
import { withdrawVersion } from './withdraw-version.ts';

/** What this function answers. */
export const adapterHandlers: readonly Handler[] = [
  createAdapter,
  listAdapters,
  getAdapter,
  updateAdapter,
  deleteAdapter,
  restoreAdapter,
  beginUpload,
  listVersions,
  getVersion,
  getVersionChecks,
  getVersionManifest,
  listVersionFiles,
  withdrawVersion,
  listLineage,
  setAlias,
  deleteAlias,
  listAliasHistory,
  rollbackAlias,
  protectAlias,
  getProtection,
  unprotectAlias,
  approveVersion,
  shareAdapter,
  unshareAdapter,
  listShares,
  listSharedAdapters,
];
