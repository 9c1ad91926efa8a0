/**
 * Sending an adapter of about 1 GB to a server of the platform and having it checked, tensor by tensor and value by value, against a plain
 * copy of the same file with its SHA-256, alternating in one run. A push is whole: hashing here, sending, hashing and checking there,
 * publishing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pushAdapter } from '../cli/server/push-adapter.ts';
import { limits } from '../shared/limits.ts';
import { openLocalWorld } from '../shared/local/local-world.ts';
import { putBaseTensors } from '../shared/records/base-tensors.ts';
import { baseWrite, type BaseRecord } from '../shared/records/bases.ts';
import { newId } from '../shared/records/commit.ts';
import { median } from './median.ts';
import { startPlatformServer, type PlatformServer } from './platform-server.ts';
import { linears70b, uploadAdapterFolder, uploadRank } from './upload-case.ts';

const runs = 3;
const weights = join(uploadAdapterFolder, 'adapter_model.safetensors');

export async function benchUpload(): Promise<Record<string, unknown>> {
  execFileSync(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('upload-inputs.ts', import.meta.url))]);
  const { size } = await stat(weights);
  const server = await startPlatformServer('upload-server', { base: 'tiny' }); // its import would disturb what is timed
  try {
    await addBase(server);
    const idleRssMb = await server.peakRssMb();
    const seconds = { push: [] as number[], copy: [] as number[] };
    let summary: string | undefined;
    for (let i = 0; i <= runs; i++) {
      const copied = await timed(() => copyAndHash(weights, join('.cache', 'bench', 'upload-copy')));
      const pushed = await timed(async () => {
        summary = await push(server, `adapter-${i}`);
      });
      if (i === 0) continue; // warms the page cache and the compiler up
      seconds.copy.push(copied);
      seconds.push.push(pushed);
    }
    const [pushSeconds, copySeconds] = [median(seconds.push), median(seconds.copy)];
    return {
      bench: 'upload',
      shape: `LoRA r=${uploadRank} in float32 on all linear layers of Llama 3 70B`,
      runs,
      sizeBytes: size,
      summary,
      pushSeconds,
      copyAndHashSeconds: copySeconds,
      pushMbPerSecond: size / pushSeconds / 1e6,
      copyAndHashMbPerSecond: size / copySeconds / 1e6,
      pushOverCopyAndHash: pushSeconds / copySeconds,
      serverPeakRssMb: await server.peakRssMb(),
      serverPeakRssBeforeMb: idleRssMb,
    };
  } finally {
    await server.stop();
  }
}

/** Sends it as the command line does; resolves to what the validator says of it. */
async function push({ api }: PlatformServer, adapter: string): Promise<string | undefined> {
  const options = { adapter, base: 'llama-70b', notes: '', aliases: [], json: true };
  const { version } = await pushAdapter(api, uploadAdapterFolder, options, {
    print() {},
    note() {},
    screen: { write() {}, isTerminal: false, columns: 80, now: () => performance.now() },
    environment: {},
  });
  if (version.state !== 'published') throw new Error(`it was ${version.state}: ${JSON.stringify(version.findings)}`);
  return version.checks?.summary;
}

/** The base as an import leaves it, without its 140 GB: an adapter is checked against names and shapes. */
async function addBase({ folder, url }: PlatformServer): Promise<void> {
  const world = await openLocalWorld({ folder, baseUrl: url, role: 'job' });
  try {
    const [team, id] = ['local', newId(world, 'bas')];
    const tensors = linears70b.map(({ module, inFeatures, outFeatures }) => ({
      name: `${module}.weight`,
      dtype: 'BF16' as const,
      shape: [outFeatures, inFeatures],
    }));
    const base: BaseRecord = {
      id,
      team,
      name: 'llama-70b',
      state: 'ready',
      description: '',
      architecture: 'LlamaForCausalLM',
      parameters: tensors.reduce((sum, { shape: [out = 0, inn = 0] }) => sum + out * inn, 0),
      contextTokens: 8192,
      dtypes: ['BF16'],
      hasChatTemplate: false,
      files: [],
      sizeBytes: 0,
      sha256: '0'.repeat(64),
      source: { kind: 'local' },
      lineage: { origin: 'import' },
      findings: [],
      createdAt: new Date(world.now()).toISOString(),
      createdBy: 'bench',
      tensors: await putBaseTensors(world, { team, id }, tensors),
      uploadId: null,
    };
    await world.table.transact([baseWrite(base)], { token: newId(world, 'tok') });
  } finally {
    await world.close();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function copyAndHash(from: string, to: string): Promise<void> {
  const [source, target] = [await open(from), await open(to, 'w')];
  const hash = createHash('sha256');
  const piece = new Uint8Array(limits.copyChunkBytes);
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(piece, 0, piece.length, at);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    await target.write(piece, 0, bytesRead);
    at += bytesRead;
  }
  await target.sync();
  await source.close();
  await target.close();
}
