import { createBase as operation } from '../../shared/contract/bases.ts';
import type { ImportSource } from '../../shared/records/import-request.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { ConditionError, type RecordWrite } from '../../shared/platform/ports.ts';
import { baseWrite, findBase, getBaseRecord, presentBase, type BaseRecord } from '../../shared/records/bases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import type { HoldingWish } from '../../shared/records/holdings.ts';
import { newImportJob } from '../../shared/records/import-job.ts';
import { presentUpload } from '../../shared/records/present-upload.ts';
import { jobWrites, startRun } from '../../shared/records/submit-job.ts';
import { commitStored } from '../../shared/records/transact-stored.ts';
import { dropUnbegun, getUploadRecord, openUpload } from '../../shared/records/uploads.ts';
import type { OperationInput, OperationOutput } from '../../shared/contract/operation.ts';
import type { ApiDeps } from '../http/api-deps.ts';
import { creator } from '../http/handler.ts';
import { checkLocalSource } from './local-source.ts';
import { pinRepository } from './pin-repository.ts';

type Body = OperationInput<typeof operation>['body'];
type Output = OperationOutput<typeof operation>;

export const createBase = creator(
  operation,
  async (deps, caller, { body }) => {
    const { name, source } = body;
    if (await findBase(deps.world.table, caller.team, name)) throw nameTaken(name);
    switch (source.kind) {
      case 'local':
        return importing(deps, caller, body, await checkLocalSource(source.path, deps.baseFolders ?? []));
      case 'huggingface':
        return importing(deps, caller, body, await pinRepository(deps.hub, source));
      case 'upload':
        return awaiting(deps, caller, body, source);
    }
  },
  async ({ world }, { team }, created) => {
    const { value } = await getBaseRecord(world.table, team, created);
    const upload = value.uploadId === null ? undefined : await getUploadRecord(world.table, team, value.uploadId);
    return { base: presentBase(value), ...(upload ? { upload: await presentUpload(world, upload.value) } : {}) };
  },
);

/** The base and the job that imports it are written together, so that neither is ever without the other. */
async function importing({ world }: ApiDeps, caller: Caller, body: Body, source: ImportSource): Promise<Output> {
  const draft = newBase({ world }, caller, body, 'importing', sourceOf(source));
  const job = newImportJob(world, caller, draft, source);
  const base = { ...draft, importJobId: job.id };
  await make({ world }, caller, base, [baseWrite(base), ...jobWrites(job)]);
  await startRun(world, job);
  return { base: presentBase(base) };
}

async function awaiting(
  { world }: ApiDeps,
  caller: Caller,
  body: Body,
  { files, moved }: Extract<Body['source'], { kind: 'upload' }>,
): Promise<Output> {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (sizeBytes > limits.baseBytesMax)
    throw new DomainError(
      'too-large',
      `A base has at most ${limits.baseBytesMax} bytes; these files have ${sizeBytes}.`,
    );
  const made = newBase({ world }, caller, body, 'draft', { kind: 'upload' });
  const draft = { ...made, lineage: { ...made.lineage, ...(moved ? { moved } : {}) } };
  const target = { kind: 'base', base: draft.name, baseId: draft.id } as const;
  const { upload, writes, room } = await openUpload(world, caller, target, files);
  const base = { ...draft, uploadId: upload.id };
  try {
    await make({ world }, caller, base, [baseWrite(base), ...writes], [room]);
  } catch (error) {
    await dropUnbegun(world, upload, error);
    throw error;
  }
  return { base: presentBase(base), upload: await presentUpload(world, upload) };
}

function newBase(
  { world }: Pick<ApiDeps, 'world'>,
  caller: Caller,
  { name, description, quantize }: Body,
  state: BaseRecord['state'],
  source: BaseRecord['source'],
): BaseRecord {
  return {
    id: newId(world, 'bas'),
    team: caller.team,
    name,
    state,
    description,
    architecture: null,
    parameters: null,
    contextTokens: null,
    dtypes: [],
    hasChatTemplate: false,
    ...(quantize === undefined ? {} : { quantize }),
    files: [],
    sizeBytes: 0,
    sha256: null,
    source,
    lineage: { origin: source.kind === 'upload' ? 'upload' : 'import' },
    findings: [],
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    tensors: null,
    uploadId: null,
  };
}

/** Paths of the serving machine stay with the job. */
function sourceOf(source: ImportSource): BaseRecord['source'] {
  return source.kind === 'huggingface' ? source : { kind: source.kind };
}

async function make(
  { world }: Pick<ApiDeps, 'world'>,
  caller: Caller,
  { name, source }: BaseRecord,
  writes: readonly RecordWrite[],
  wishes: readonly HoldingWish[] = [],
): Promise<void> {
  const change = { action: 'base.create', resource: `bases/${name}`, detail: { source: source.kind }, created: name };
  try {
    await commitStored(world, caller, change, writes, wishes);
  } catch (error) {
    if (error instanceof ConditionError && error.failed.includes(0)) throw nameTaken(name);
    throw error;
  }
}

const nameTaken = (name: string): DomainError =>
  new DomainError('name-taken', `There is a base "${name}" already: choose another name, or delete that one first.`);
