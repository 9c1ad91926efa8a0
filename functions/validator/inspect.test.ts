import { getEventListeners } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { UnavailableError } from '../../shared/errors.ts';
import { bytesSource, type ByteSource } from '../../shared/formats/bytes.ts';
import { sha256Hex, tinyAdapter } from '../../test/support/send-upload.ts';
import { inspect } from '../../shared/upload-validation/inspect.ts';
import { createInspectThread } from './inspect-in-thread.ts';

const base = {
  modelType: 'llama',
  tiedEmbeddings: true,
  tensors: [{ name: 'model.layers.0.self_attn.q_proj.weight', dtype: 'F32' as const, shape: [192, 192] }],
};

const thread = createInspectThread();
afterAll(() => thread.close());

async function adapter(): Promise<ByteSource[]> {
  return Object.entries(await tinyAdapter()).map(([name, bytes]) => bytesSource(bytes, name));
}

test('a source that is unavailable is told as such by the thread, not as a fault of the files', async () => {
  const broken = (await adapter()).map((source) => ({
    ...source,
    read: () => Promise.reject(new UnavailableError('the disk is away')),
  }));
  await expect(thread.inspect({ kind: 'adapter', base }, broken)).rejects.toThrow(UnavailableError);
});

test('a thread that is stopped ends with the reason, and leaves no listener behind', async () => {
  const controller = new AbortController();
  const slow = (await adapter()).map((source) => ({ ...source, read: () => new Promise<never>(() => undefined) }));
  const work = thread.inspect({ kind: 'adapter', base }, slow, controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await expect(work).rejects.toThrow('enough');
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('the thread finds what is found in place', async () => {
  const task = { kind: 'adapter', base } as const;
  const report = await thread.inspect(task, await adapter());
  expect(report).toEqual(await inspect(task, await adapter()));
  expect(report.kind === 'adapter' && report.validation.ok && report.engines.length > 0).toBe(true);
});

test('a dataset is read in the thread, each byte hashed', async () => {
  const bytes = new TextEncoder().encode('{"text":"a"}\n{"txt":"b"}\n');
  const report = await thread.inspect({ kind: 'dataset' }, [bytesSource(bytes, 'data.jsonl')]);
  expect(report.sha256).toEqual({ 'data.jsonl': sha256Hex(bytes) });
  expect(report.kind === 'dataset' && report.findings.map(({ code }) => code)).toEqual(['row-format']);
});

test('a thread that is asked twice at once, and again, says each time what is to be said of these files', async () => {
  const rows = [1, 2, 3].map((count) =>
    bytesSource(new TextEncoder().encode('{"text":"a"}\n'.repeat(count)), 'data.jsonl'),
  );
  const linesOf = async (at: number): Promise<number | false> => {
    const report = await thread.inspect({ kind: 'dataset' }, rows.slice(at, at + 1));
    return report.kind === 'dataset' && report.lines;
  };
  expect(await Promise.all([linesOf(0), linesOf(1)])).toEqual([1, 2]);
  expect(await linesOf(2)).toBe(3);
});
