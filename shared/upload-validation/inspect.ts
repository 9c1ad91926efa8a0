import type { AdapterValidation } from '../contract/adapter-validation.ts';
import { adapterConfigName, adapterWeightsName } from '../domain/adapter-files.ts';
import type { EngineReport } from '../domain/servability.ts';
import type { StoredAdapter } from '../domain/servability-facts.ts';
import { newSha256 } from '../files/sha256.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { readLines } from '../formats/jsonl.ts';
import { checkRows, type RowsReport } from '../text/check-rows.ts';
import { engineReports } from '../validation/engine-reports.ts';
import { readOnce } from '../validation/read-once.ts';
import { validateAdapter } from '../validation/validate-adapter.ts';

/** What is to be found out about files; structured clones of it go to another thread. */
export type InspectTask =
  { readonly kind: 'adapter'; readonly base: NonNullable<StoredAdapter['base']> } | { readonly kind: 'dataset' };

export type InspectReport = { readonly sha256: Readonly<Record<string, string>> } & (
  | {
      readonly kind: 'adapter';
      readonly validation: AdapterValidation;
      /** Empty for an adapter with errors. */
      readonly engines: readonly EngineReport[];
    }
  | ({ readonly kind: 'dataset' } & RowsReport)
);

/** Reads every byte of the files once and says what it found; the work of a validator that needs no platform. Rejects with the reason of `stop`. */
export type Inspect = (task: InspectTask, files: readonly ByteSource[], stop?: AbortSignal) => Promise<InspectReport>;

export const inspect: Inspect = async (task, files, stop) => {
  const sha256: Record<string, string> = {};
  if (task.kind === 'dataset') {
    const [file] = files;
    if (!file) throw new Error('invariant broken: a dataset is one file');
    const once = readOnce(file, { hash: newSha256(), stop });
    const report = await checkRows(readLines(once), { name: file.name });
    return { kind: 'dataset', ...report, sha256: { [file.name]: await once.finish() } };
  }
  const config = files.find(({ name }) => name === adapterConfigName);
  const weights = files.find(({ name }) => name === adapterWeightsName);
  const names = files.map(({ name }) => name);
  const validation = await validateAdapter(
    { names, ...(config ? { config } : {}), ...(weights ? { weights } : {}) },
    { newHash: newSha256, baseTensors: task.base.tensors, ...(stop ? { stop } : {}) },
  );
  for (const file of validation.files) sha256[file.name] = file.sha256;
  for (const file of files)
    if (file !== config && file !== weights)
      sha256[file.name] = await readOnce(file, { hash: newSha256(), stop }).finish();
  const engines = validation.ok && config && weights ? await engineReports(task.base, { config, weights }) : [];
  return { kind: 'adapter', validation, engines, sha256 };
};
