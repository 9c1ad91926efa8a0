import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { UnavailableError } from '../../shared/errors.ts';
import { bytesSource, type ByteSource } from '../../shared/formats/bytes.ts';
import { sha256Hex, tinyAdapter } from '../../test/support/send-upload.ts';
import { inspect } from './inspect.ts';
import { inspectInThread } from './inspect-in-thread.ts';

const base = {
  modelType: 'llama',
  tiedEmbeddings: true,
  tensors: [{ name: 'model.layers.0.self_attn.q_proj.weight', dtype: 'F32' as const, shape: [192, 192] }],
};

async function adapter(): Promise<ByteSource[]> {
  return Object.entries(await tinyAdapter()).map(([name, bytes]) => bytesSource(bytes, name));
}

test('a source that is unavailable is told as such by the thread, not as a fault of the files', async () => {
  const broken = (await adapter()).map((source) => ({
    ...source,
    read: () => Promise.reject(new UnavailableError('the disk is away')),
  }));
  await expect(inspectInThread({ kind: 'adapter', base }, broken)).rejects.toThrow(UnavailableError);
});

test('a thread that is stopped ends with the reason, and leaves no listener behind', async () => {
  const controller = new AbortController();
  const slow = (await adapter()).map((source) => ({ ...source, read: () => new Promise<never>(() => undefined) }));
  const work = inspectInThread({ kind: 'adapter', base }, slow, controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await expect(work).rejects.toThrow('enough');
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('the thread finds what is found in place', async () => {
  const task = { kind: 'adapter', base } as const;
  const report = await inspectInThread(task, await adapter());
  expect(report).toEqual(await inspect(task, await adapter()));
  expect(report.kind === 'adapter' && report.validation.ok && report.engines.length > 0).toBe(true);
});

test('a dataset is read in the thread, each byte hashed', async () => {
  const bytes = new TextEncoder().encode('{"text":"a"}\n{"txt":"b"}\n');
  const report = await inspectInThread({ kind: 'dataset' }, [bytesSource(bytes, 'data.jsonl')]);
  expect(report.sha256).toEqual({ 'data.jsonl': sha256Hex(bytes) });
  expect(report.kind === 'dataset' && report.findings.map(({ code }) => code)).toEqual(['row-format']);
});
