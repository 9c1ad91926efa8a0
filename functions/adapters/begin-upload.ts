import { beginUpload as operation } from '../../shared/contract/versions.ts';
import type { OperationInput, OperationOutput } from '../../shared/contract/operation.ts';
import { adapterFileFindings } from '../../shared/domain/adapter-files.ts';
import { refuseReserved, refuseTooMany } from '../../shared/domain/alias-rules.ts';
import { DomainError, refuseErrors, UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { ConditionError, type RecordWrite, type World } from '../../shared/platform/ports.ts';
import { adapterWrite, findAdapter, newAdapter, type AdapterRecord } from '../../shared/records/adapters.ts';
import { requireReadyBase } from '../../shared/records/bases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { keys } from '../../shared/records/keys.ts';
import { presentUpload } from '../../shared/records/present-upload.ts';
import { commitStored } from '../../shared/records/transact-stored.ts';
import { dropUnbegun, getUploadRecord, openUpload } from '../../shared/records/uploads.ts';
import { getVersionRecord, newVersion, presentVersion, versionWrite } from '../../shared/records/versions.ts';
import { creator } from '../http/handler.ts';
import { refuseProtected } from './refuse-promotion.ts';

type Body = OperationInput<typeof operation>['body'];

export const beginUpload = creator(
  operation,
  async ({ world }, caller, { params, body }) => {
    refuseFiles(body.files);
    refuseReserved(body.aliases);
    for (let attempt = 1; ; attempt++)
      try {
        return await begin(world, caller, params.adapter, body);
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        if (attempt === attemptsMax)
          throw new UnavailableError('The adapter is changed too often just now: try again.', { cause: error });
      }
  },
  async ({ world }, { team }, created, { params }) => {
    const version = (await getVersionRecord(world.table, team, created)).value;
    const adapter = await findAdapter(world.table, team, params.adapter);
    const upload = await getUploadRecord(world.table, team, version.uploadId ?? '');
    return {
      version: presentVersion(version, adapter?.value ?? { aliases: {} }),
      upload: await presentUpload(world, upload.value),
    };
  },
);

/** Each lost race means that another change went through, so this bounds patience, not progress. */
const attemptsMax = 20;

function refuseFiles(files: Body['files']): void {
  const paths = files.map(({ path }) => path);
  const findings = adapterFileFindings(paths, { refuseOthers: true });
  refuseErrors('not-an-adapter', 'These are not the files of an adapter:', findings);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (sizeBytes > limits.adapterBytesMax)
    throw new DomainError(
      'too-large',
      `An adapter has at most ${limits.adapterBytesMax} bytes; these files have ${sizeBytes}.`,
    );
}

/** The draft, its upload and, where there is none, the adapter, all in one. Throws `ConditionError` when the adapter changed meanwhile. */
async function begin(
  world: World,
  caller: Caller,
  name: string,
  body: Body,
): Promise<OperationOutput<typeof operation>> {
  const { adapter, write } = await adapterFor(world, caller, name, body.base);
  refuseTooMany(Object.keys(adapter.aliases), body.aliases);
  refuseProtected(adapter, body.aliases);
  const base = (await requireReadyBase(world.table, caller.team, adapter.base)).value;
  const draft = newVersion(world, caller, adapter, {
    state: 'draft',
    files: [],
    lineage: {
      origin: 'upload',
      base: { name: base.name, id: base.id, sha256: base.sha256 },
      ...(body.moved ? { moved: body.moved } : {}),
    },
    notes: body.notes,
    promote: [...new Set(body.aliases)],
  });
  const target = { kind: 'adapter', adapter: name, versionId: draft.id } as const;
  const { upload, writes, room } = await openUpload(world, caller, target, body.files);
  const version = { ...draft, uploadId: upload.id };
  const change = { action: 'version.begin', resource: `adapters/${name}/versions/${draft.id}`, created: draft.id };
  try {
    await commitStored(world, caller, change, [write, versionWrite(version), ...writes], [room]);
  } catch (error) {
    await dropUnbegun(world, upload, error);
    throw error;
  }
  return { version: presentVersion(version, adapter), upload: await presentUpload(world, upload) };
}

/** The adapter of this name as it is, or a new one; and what makes sure that it is still so when the rest is written. */
async function adapterFor(
  world: World,
  caller: Caller,
  name: string,
  base: string | undefined,
): Promise<{ readonly adapter: AdapterRecord; readonly write: RecordWrite }> {
  const found = await findAdapter(world.table, caller.team, name);
  if (!found) {
    if (base === undefined)
      throw new DomainError(
        'not-found',
        `There is no adapter "${name}": give a base to make it with its first version.`,
      );
    const adapter = newAdapter(world, caller, { name, base, description: '', tags: [] });
    return { adapter, write: adapterWrite(adapter) };
  }
  if (base !== undefined && base !== found.value.base)
    throw new DomainError(
      'base-mismatch',
      `The adapter "${name}" belongs to "${found.value.base}", not "${base}": choose another name for it.`,
    );
  const check = { check: keys.adapter(caller.team, name), condition: { ifRevision: found.revision } };
  return { adapter: found.value, write: check };
}
