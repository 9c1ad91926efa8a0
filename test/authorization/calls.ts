import { deleteAdapter, setAlias } from '../../shared/contract/adapters.ts';
import { deleteBase } from '../../shared/contract/bases.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { deleteDataset } from '../../shared/contract/datasets.ts';
import { eraseDataset } from '../../shared/contract/erasures.ts';
import { protectAlias } from '../../shared/contract/protections.ts';
import { createKey } from '../../shared/contract/keys.ts';
import type { Scope } from '../../shared/contract/scopes.ts';
import { shareAdapter } from '../../shared/contract/shares.ts';
import { createServiceAccount } from '../../shared/contract/service-accounts.ts';
import { announce, tinyAdapter } from '../support/send-upload.ts';
import type { CallFixture } from './fixture.ts';

export interface Call {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A call that succeeds for the team `blue`. */
export interface AllowedCall extends Call {
  /** The same call about something that no one has; absent: the call is about nothing in particular. */
  readonly missing?: Call;
  /** Where the scope depends on what the call is about. */
  readonly scope?: Scope;
}

const none = 'none-1';
const digits = '0000000000000000';

const aboutAdapter =
  (versions: number, more: Call = {}) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const about = (adapter: string): Call => ({ ...more, params: { ...more.params, adapter } });
    return { ...about(await f.adapter(versions)), missing: about(none) };
  };

const aboutAlias =
  (more: Call = {}) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const adapter = await f.adapter(2);
    for (const version of [1, 2])
      await f.blue.call(setAlias, { params: { adapter, alias: 'stable' }, body: { version } });
    const about = (name: string): Call => ({ ...more, params: { adapter: name, alias: 'stable' } });
    return { ...about(adapter), missing: about(none) };
  };

const aboutProtected =
  (more: Call = {}) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const adapter = await f.adapter(1);
    const about = (name: string): Call => ({ ...more, params: { adapter: name, alias: 'stable' } });
    await f.blue.call(protectAlias, { params: { adapter, alias: 'stable' }, body: {} });
    return { ...about(adapter), missing: about(none) };
  };

const aboutUpload =
  (sent: boolean, more: (f: CallFixture) => Promise<Call> = async () => ({})) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const given = await more(f);
    const about = (upload: string): Call => ({ ...given, params: { upload } });
    const { id } = await f.upload(sent);
    return { ...about(id), missing: about(`upl_${digits}`), scope: 'adapters:write' };
  };

const aboutBase =
  (name: (f: CallFixture) => Promise<string>) =>
  async (f: CallFixture): Promise<AllowedCall> => ({
    params: { base: await name(f) },
    missing: { params: { base: none } },
  });

const aboutDataset =
  (more: (f: CallFixture) => Promise<Call> = async () => ({})) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const given = await more(f);
    const about = (dataset: string): Call => ({ ...given, params: { dataset } });
    return { ...about(await f.dataset()), missing: about(none) };
  };

const aboutComposition = async (f: CallFixture): Promise<AllowedCall> => {
  const [name, adapter] = [f.name(), await f.adapter(1)];
  await f.blue.call(createComposition, { body: { name, type: 'cat', members: [{ adapter }] } });
  return { params: { composition: name }, missing: { params: { composition: none } } };
};

const aboutJob =
  (state: Parameters<CallFixture['job']>[0], more: Call = {}) =>
  async (f: CallFixture): Promise<AllowedCall> => {
    const about = (job: string): Call => ({ ...more, params: { job } });
    return { ...about(await f.job(state)), missing: about(`job_${digits}`) };
  };

const nothing = async (): Promise<AllowedCall> => ({});

/** By operation: how a call of it is made that succeeds, and what it is about. */
export const calls: Readonly<Record<string, (f: CallFixture) => Promise<AllowedCall>>> = {
  createAdapter: async (f) => {
    const about = (base: string): Call => ({ body: { name: f.name(), base } });
    return { ...about(await f.base()), missing: about(none) };
  },
  listAdapters: nothing,
  getAdapter: aboutAdapter(0),
  updateAdapter: aboutAdapter(0, { body: { description: 'new' } }),
  deleteAdapter: aboutAdapter(0),
  restoreAdapter: async (f) => {
    const params = { adapter: await f.adapter(1) };
    await f.blue.call(deleteAdapter, { params });
    return { params, missing: { params: { adapter: none } } };
  },
  beginUpload: async (f) => {
    const files = announce(await tinyAdapter());
    const about = (base: string): Call => ({ params: { adapter: f.name() }, body: { base, files } });
    return { ...about(await f.base()), missing: about(none) };
  },
  listVersions: aboutAdapter(1),
  getVersion: aboutAdapter(1, { params: { version: '1' } }),
  getVersionChecks: aboutAdapter(1, { params: { version: 'latest' } }),
  getVersionManifest: aboutAdapter(1, { params: { version: '1' } }),
  listLineage: async (f) => {
    const about = (adapter: string): Call => ({ query: { of: `adapters/${adapter}` } });
    return { ...about(await f.adapter(1)), missing: about(none) };
  },
  listVersionFiles: aboutAdapter(1, { params: { version: '1' } }),
  withdrawVersion: aboutAdapter(1, { params: { version: '1' }, body: { reason: 'bad' } }),
  setAlias: aboutAdapter(1, { params: { alias: 'stable' }, body: { version: 1 } }),
  deleteAlias: aboutAlias(),
  listAliasHistory: aboutAlias(),
  rollbackAlias: aboutAlias({ body: {} }),
  protectAlias: aboutAdapter(1, { params: { alias: 'stable' }, body: { approval: true } }),
  getProtection: aboutProtected(),
  unprotectAlias: aboutProtected(),
  approveVersion: aboutProtected({ body: { version: 1 } }),
  shareAdapter: async (f) => aboutAdapter(0, { params: { team: await f.otherTeam() } })(f),
  unshareAdapter: async (f) => {
    const team = await f.otherTeam();
    const call = await aboutAdapter(0, { params: { team } })(f);
    await f.blue.call(shareAdapter, { params: { adapter: call.params?.['adapter'] ?? '', team } });
    return call;
  },
  listShares: aboutAdapter(0),
  listSharedAdapters: nothing,
  getUpload: aboutUpload(false),
  signUploadParts: aboutUpload(false, async () => {
    const [file] = announce(await tinyAdapter());
    if (!file) throw new Error('an adapter has files');
    const { path, sizeBytes, sha256 } = file;
    return { body: { path, parts: [{ number: 1, sizeBytes, sha256 }] } };
  }),
  completeUpload: aboutUpload(true),
  abortUpload: aboutUpload(false),
  createBase: async (f) => {
    const files = announce({ 'model.gguf': new Uint8Array(100) });
    return { body: { name: f.name(), source: { kind: 'upload', files } } };
  },
  listBases: nothing,
  getBase: aboutBase((f) => f.base()),
  getBaseManifest: aboutBase((f) => f.madeBase()),
  listBaseTensors: aboutBase((f) => f.base()),
  listBaseFiles: aboutBase((f) => f.base()),
  deleteBase: aboutBase((f) => f.newBase()),
  restoreBase: async (f) => {
    const params = { base: await f.newBase() };
    await f.blue.call(deleteBase, { params });
    return { params, missing: { params: { base: none } } };
  },
  createDataset: async (f) => {
    const [file] = announce({ 'data.jsonl': new Uint8Array(10) });
    return { body: { name: f.name(), file } };
  },
  listDatasets: nothing,
  getDataset: aboutDataset(),
  previewDataset: aboutDataset(async (f) => ({ query: { base: await f.base() } })),
  getDatasetFile: aboutDataset(),
  deleteDataset: async (f) => ({ params: { dataset: await f.newDataset() }, missing: { params: { dataset: none } } }),
  restoreDataset: async (f) => {
    const params = { dataset: await f.newDataset() };
    await f.blue.call(deleteDataset, { params });
    return { params, missing: { params: { dataset: none } } };
  },
  eraseDataset: async (f) => ({ params: { dataset: await f.newDataset() }, missing: { params: { dataset: none } } }),
  getErasure: async (f) => {
    const params = { dataset: await f.newDataset() };
    await f.blue.call(eraseDataset, { params });
    return { params, missing: { params: { dataset: none } } };
  },
  createComposition: async (f) => {
    const about = (adapter: string): Call => ({ body: { name: f.name(), type: 'cat', members: [{ adapter }] } });
    return { ...about(await f.adapter(1)), missing: about(none) };
  },
  listCompositions: nothing,
  getComposition: aboutComposition,
  deleteComposition: aboutComposition,
  createJob: async (f) => {
    const about = (base: string, dataset: string): Call => ({ body: { kind: 'evaluate', base, dataset } });
    return { ...about(await f.base(), await f.dataset()), missing: about(none, none) };
  },
  listJobs: nothing,
  getJob: aboutJob('succeeded'),
  cancelJob: aboutJob('queued'),
  resumeJob: aboutJob('failed'),
  forkJob: aboutJob('succeeded', { body: { changes: {} }, query: { dryRun: 'true' } }),
  listMetrics: aboutJob('succeeded'),
  listSamples: aboutJob('succeeded'),
  listLogs: aboutJob('succeeded'),
  streamJobEvents: aboutJob('succeeded'),
  listJobFiles: aboutJob('succeeded'),
  generateText: async (f) => {
    const about = (base: string): Call => ({ body: { base, prompts: [{ prompt: 'Hi' }] } });
    return { ...about(await f.base()), missing: about(none) };
  },
  listBudgets: nothing,
  getBudget: async (f) => ({ params: { subject: await f.keyId() }, missing: { params: { subject: digits } } }),
  setBudget: async (f) => {
    const about = (subject: string): Call => ({ params: { subject }, body: { jobs: 10 } });
    return { ...about(await f.keyId()), missing: about(digits) };
  },
  whoAmI: nothing,
  createKey: async () => ({ body: { name: 'second', scopes: ['adapters:read'] } }),
  listKeys: nothing,
  rotateKey: async (f) => {
    const { key } = await f.blue.call(createKey, { body: { name: 'fourth', scopes: ['keys:admin'] } });
    return { params: { key: key.id }, body: {}, missing: { params: { key: digits }, body: {} } };
  },
  createServiceAccount: async (f) => ({ body: { name: f.name(), role: 'reader' } }),
  listServiceAccounts: nothing,
  updateServiceAccount: async (f) => {
    const body = { name: f.name(), role: 'reader' as const };
    const { name } = await f.blue.call(createServiceAccount, { body });
    const about = (account: string): Call => ({ params: { account }, body: { disabled: true } });
    return { ...about(name), missing: about(none) };
  },
  revokeKey: async (f) => {
    return { params: { key: await f.keyId() }, missing: { params: { key: digits } } };
  },
  listAuditSeals: nothing,
  getSigningKey: nothing,
  listAudit: async (f) => ({ query: { day: new Date(f.world.now()).toISOString().slice(0, 10) } }),
};
