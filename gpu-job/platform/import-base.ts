import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { putBaseTensors } from '../../shared/records/base-tensors.ts';
import { baseWrite, findBase, type BaseRecord } from '../../shared/records/bases.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { commit } from '../../shared/records/commit.ts';
import { importRequestSchema, type ImportRequest } from '../../shared/records/import-request.ts';
import { fenceCheck, fencedOut } from '../../shared/records/job-fence.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { hashFile } from '../folders/hashes.ts';
import { importModelFiles, isModelFile } from '../jobs/import-base.ts';
import { quantizeFolder } from '../quantize/quantize-folder.ts';
import { describeBase } from './describe-base.ts';
import { downloadModel, type DownloadOptions } from './download-model.ts';
import { placeFiles } from './place-files.ts';
import { factsOf } from './publish-base.ts';
import type { Container } from './container.ts';
import { listFiles, storeFiles } from './store-files.ts';
import { bytesOfFiles, takeRoom } from './take-room.ts';

/**
 * Brings the files of a base to where all jobs find them and says what it is. A folder that cannot be run here is kept, with a warning; one
 * that is no model fails with everything that is wrong. Throws `DomainError`, `FencedOutError`, `UnavailableError`.
 */
export async function importBase(container: Container): Promise<void> {
  const { world, caller, fence, job, voice, folder } = container;
  const request = importRequestSchema.parse(job.request);
  const { value: base } = await importedBase(world, job.team, request);
  if (base.state === 'importing') {
    const fetched = join(folder, 'model');
    const files = await fetchFiles(container, request, base, fetched);
    stopIfAsked(container);
    const model = await packedFolder(container, base, fetched);
    const facts = await describeBase(model);
    for (const finding of facts.findings) voice.say({ type: 'finding', finding });
    const tensors = await putBaseTensors(world, { team: job.team, id: base.id }, facts.tensors);
    const kept = model === fetched && files ? files : await storeModel(container, base, model);
    container.onStage?.('stored');
    await changeBase(container, request, (now) => ({ ...now, ...factsOf(facts, kept), state: 'ready', tensors }));
  }
  container.onStage?.('published');
  await voice.flush();
  const also = { output: { base: base.name }, findings: (await importedBase(world, job.team, request)).value.findings };
  await changeJobRecord(world, caller, job.id, { type: 'succeed' }, { fence, also });
}

/** Puts the model into a folder. Resolves to its files where they are kept already, as they were uploaded. */
async function fetchFiles(
  container: Container,
  request: ImportRequest,
  base: BaseRecord,
  model: string,
): Promise<readonly StoredFile[] | undefined> {
  const { source } = request;
  const options = { packed: base.quantize === 'gguf' };
  if (source.kind === 'local') await importModelFiles(source.path, model, options);
  else {
    const received = join(container.folder, 'received');
    if (source.kind === 'huggingface') await downloadModel(source, received, await hubOptions(container));
    else {
      await placeFiles(container.world, base.files, received);
      refuseErrors('upload', 'The files that were sent cannot be used:', await uploadFindings(base.files, received));
    }
    const [only = '', ...others] = await readdir(received);
    if (others.length === 0 && only.endsWith('.gguf')) await importModelFiles(join(received, only), model, options);
    else if (options.packed) throw new DomainError('no-gguf', 'What came is no GGUF file whose blocks could be kept.');
    else {
      await rename(received, model);
      if (source.kind === 'upload') return base.files;
    }
  }
  return undefined;
}

/** The folder with its weights packed, where that was asked for and is not so already; else the same. */
async function packedFolder(
  { folder, voice, end }: Container,
  { quantize }: BaseRecord,
  model: string,
): Promise<string> {
  if (quantize === undefined || quantize === 'gguf') return model;
  const packed = join(folder, 'packed');
  const { warnings } = await quantizeFolder(model, packed, { type: quantize, blockSize: 64 }, (done, total) => {
    voice.say({ type: 'progress', stage: 'quantize', done, total, unit: 'tensors' });
    if (end.aborted) throw new UnavailableError('The import was stopped before it was complete.');
  });
  for (const finding of warnings) voice.say({ type: 'finding', finding });
  return packed;
}

async function hubOptions({ hubUrl, hubToken, end, voice }: Container): Promise<DownloadOptions> {
  return {
    hubUrl,
    accessToken: await hubToken?.(),
    stop: end,
    onProgress: (done, total) => voice.say({ type: 'progress', stage: 'download', done, total, unit: 'bytes' }),
  };
}

/** What the sender claimed against what came. */
async function uploadFindings(files: readonly StoredFile[], folder: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const refuse = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'error', code, where, message });
  for (const { path, sha256 } of files) {
    if (!isModelFile(path) && !path.endsWith('.gguf'))
      refuse(
        'foreign-file',
        path,
        'does not belong to a model folder: send config, safetensors and tokenizer files only',
      );
    const digest = await hashFile(join(folder, path));
    if (digest.sha256 !== sha256)
      refuse('hash-mismatch', path, `its SHA-256 is ${digest.sha256}, not ${sha256} as announced: send it again`);
  }
  return findings;
}

async function storeModel(
  { world, fence, job }: Container,
  base: BaseRecord,
  model: string,
): Promise<readonly StoredFile[]> {
  const paths = await listFiles(model);
  // what was sent stays beside what was made of it
  const sent = base.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await takeRoom(world, fence, job, { id: base.id, bytes: sent + (await bytesOfFiles(model, paths)), reserved: 0 });
  return storeFiles(world, model, paths, (path) => blobKeys.baseFile(job.team, base.id, path));
}

async function importedBase(
  { table }: Pick<World, 'table'>,
  team: string,
  request: ImportRequest,
): Promise<Stored<BaseRecord>> {
  const found = await findBase(table, team, request.base);
  if (found?.value.id !== request.baseId)
    throw new DomainError('input-gone', `The base "${request.base}" was deleted before its import was over.`);
  return found;
}

async function changeBase(
  { world, caller, fence, job }: Container,
  request: ImportRequest,
  change: (base: BaseRecord) => BaseRecord,
): Promise<void> {
  for (;;) {
    const found = await importedBase(world, job.team, request);
    const write = baseWrite(change(found.value), found.revision);
    try {
      return await commit(world, caller, { action: 'base.import', resource: `bases/${request.base}` }, [
        fenceCheck(fence),
        write,
      ]);
    } catch (error) {
      const known = fencedOut(error, 0);
      if (!(known instanceof ConditionError)) throw known;
    }
  }
}

function stopIfAsked({ end }: Container): void {
  if (end.aborted) throw new UnavailableError('The import was stopped before it was complete.');
}
