import { textOf, type Row, type Store } from './store.ts';

/** Nothing is on its way any more: every upload was taken or given up, and so was what it was for. */
export function checkUploads(store: Store): string[] {
  const found: string[] = [];
  for (const upload of store.ofKind('upload')) {
    const id = textOf(upload, 'id');
    const state = textOf(upload, 'state');
    if (state === 'open') found.push(`the upload ${id} stays open`);
    if (upload.value['settled'] !== true) found.push(`the upload ${id} is ${state} and not settled`);
    const target = targetOf(store, upload);
    if (!target) continue;
    const is = textOf(target, 'state');
    const gaveFiles = !['draft', 'rejected'].includes(is);
    if (state === 'aborted' && gaveFiles) found.push(`what the given up upload ${id} was for is ${is}`);
    if (state === 'completed' && is === 'draft') found.push(`what the completed upload ${id} was for is a draft`);
  }
  for (const kind of ['dataset', 'base'])
    for (const row of store.ofKind(kind))
      if (!['ready', 'rejected', 'failed'].includes(textOf(row, 'state')))
        found.push(`the ${kind} ${textOf(row, 'name')} stays ${textOf(row, 'state')}`);
  return found;
}

/** Undefined when it was deleted. */
function targetOf(store: Store, upload: Row): Row | undefined {
  const { kind, versionId, dataset, datasetId, base, baseId } = upload.value['target'] as Readonly<
    Record<string, string>
  >;
  if (kind === 'adapter') return store.find(`local#version#${versionId}`, 'version');
  const [name, id] = kind === 'dataset' ? [dataset, datasetId] : [base, baseId];
  const row = store.find(`local#${kind}#${name}`, kind ?? '');
  return row?.value['id'] === id ? row : undefined;
}
