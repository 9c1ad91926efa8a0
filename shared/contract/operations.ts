import * as adapters from './adapters.ts';
import * as audit from './audit.ts';
import * as bases from './bases.ts';
import * as budgets from './budgets.ts';
import * as compositions from './compositions.ts';
import * as datasets from './datasets.ts';
import * as erasures from './erasures.ts';
import * as generate from './generate.ts';
import * as jobs from './jobs.ts';
import * as keys from './keys.ts';
import * as lineage from './lineage.ts';
import * as manifests from './manifests.ts';
import type { Operation } from './operation.ts';
import * as protections from './protections.ts';
import * as serviceAccounts from './service-accounts.ts';
import * as shares from './shares.ts';
import * as uploads from './uploads.ts';
import * as versions from './versions.ts';

/** Every call of the API, in the order of the reference. */
export const operations: readonly Operation[] = [
  adapters.createAdapter,
  adapters.listAdapters,
  adapters.getAdapter,
  adapters.updateAdapter,
  adapters.deleteAdapter,
  adapters.restoreAdapter,
  versions.beginUpload,
  versions.listVersions,
  versions.getVersion,
  versions.getVersionChecks,
  manifests.getVersionManifest,
  versions.listVersionFiles,
  versions.withdrawVersion,
  lineage.listLineage,
  adapters.setAlias,
  adapters.deleteAlias,
  adapters.listAliasHistory,
  adapters.rollbackAlias,
  protections.protectAlias,
  protections.getProtection,
  protections.unprotectAlias,
  protections.approveVersion,
  shares.shareAdapter,
  shares.unshareAdapter,
  shares.listShares,
  shares.listSharedAdapters,
  uploads.getUpload,
  uploads.signUploadParts,
  uploads.completeUpload,
  uploads.abortUpload,
  bases.createBase,
  bases.listBases,
  bases.getBase,
  manifests.getBaseManifest,
  bases.listBaseTensors,
  bases.listBaseFiles,
  bases.deleteBase,
  bases.restoreBase,
  datasets.createDataset,
  datasets.listDatasets,
  datasets.getDataset,
  datasets.previewDataset,
  datasets.getDatasetFile,
  datasets.deleteDataset,
  datasets.restoreDataset,
  erasures.eraseDataset,
  erasures.getErasure,
  compositions.createComposition,
  compositions.listCompositions,
  compositions.getComposition,
  compositions.deleteComposition,
  jobs.createJob,
  jobs.listJobs,
  jobs.getJob,
  jobs.cancelJob,
  jobs.resumeJob,
  jobs.forkJob,
  jobs.listMetrics,
  jobs.listSamples,
  jobs.listLogs,
  jobs.streamJobEvents,
  jobs.listJobFiles,
  generate.generateText,
  budgets.listBudgets,
  budgets.getBudget,
  budgets.setBudget,
  keys.whoAmI,
  keys.createKey,
  keys.listKeys,
  keys.rotateKey,
  keys.revokeKey,
  serviceAccounts.createServiceAccount,
  serviceAccounts.listServiceAccounts,
  serviceAccounts.updateServiceAccount,
  audit.listAudit,
  audit.listAuditSeals,
  audit.getSigningKey,
];
