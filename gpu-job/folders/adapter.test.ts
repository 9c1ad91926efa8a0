import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusals } from '../../test/support/refusals.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { readAdapterFolder, writeAdapterFolder, type LoraModule } from './adapter.ts';
import { writeFileAtomic } from './files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adapter-'));
});
afterEach(() => rm(folder, { recursive: true }));

const inFolder = (...names: string[]): string => join(folder, ...names);
const fixture = (name: string): string => fileURLToPath(new URL(`../../test/parity/fixtures/${name}`, import.meta.url));
const config = parseLoraConfig({ peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj', 'up_proj'] });
const Q = 'model.layers.0.self_attn.q_proj';
const UP = 'model.layers.0.mlp.up_proj';

function lora(module: string, change: Partial<LoraModule> = {}): LoraModule {
  const A = Float32Array.from({ length: 6 }, (_, i) => i / 4);
  const B = Float32Array.from({ length: 8 }, (_, i) => 1 - i / 8);
  return { module, r: 2, inFeatures: 3, outFeatures: 4, scaling: 2, A, B, ...change };
}

/** Writes a folder as a stranger might have: any tensors, any config. */
async function writeRaw(tensors: Record<string, [number[], number[]?]>, options: object = {}): Promise<void> {
  const toWrite = Object.entries(tensors).map(([name, [shape, values]]) => {
    const data = Float32Array.from(values ?? Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1));
    return { name, dtype: 'F32', shape, bytes: () => Promise.resolve(new Uint8Array(data.buffer)) } as const;
  });
  await writeFileAtomic(inFolder('adapter_model.safetensors'), (sink) => writeSafetensors(sink, toWrite));
  const written = { peft_type: 'LORA', r: 2, target_modules: ['q_proj', 'up_proj'], ...options };
  await writeFile(inFolder('adapter_config.json'), JSON.stringify(written));
}

const A = (module: string): string => `base_model.model.${module}.lora_A.weight`;
const B = (module: string): string => `base_model.model.${module}.lora_B.weight`;

describe('readAdapterFolder refuses', () => {
  it('a missing folder, an empty one, and a base model by name', async () => {
    await expect(readAdapterFolder(inFolder('none'))).rejects.toMatchObject({ code: 'folder-missing' });
    expect(await refusals(readAdapterFolder(folder))).toEqual([
      'file-missing adapter_config.json',
      'file-missing adapter_model.safetensors',
    ]);
    await writeFile(inFolder('config.json'), '{}');
    await expect(readAdapterFolder(folder)).rejects.toThrow(/holds a whole model/);
  });

  it('a pickle by name', async () => {
    await writeFile(inFolder('adapter_model.bin'), '');
    await expect(readAdapterFolder(folder)).rejects.toThrow(/only adapter_model\.bin, a Python pickle/);
    await writeFile(inFolder('adapter_model.safetensors'), `PK\x03\x04${'\0'.repeat(60)}`);
    await expect(readAdapterFolder(folder)).rejects.toThrow(/zip archive, probably a PyTorch checkpoint/);
  });

  it('everything wrong with the tensors at once', async () => {
    await writeRaw({
      [A(Q)]: [[2, 3]],
      'base_model.model.x.lora_magnitude_vector': [[4]],
      'base_model.model.x.lora_embedding_A': [[2, 4]],
      'base_model.model.lm_head.weight': [[4, 3]],
      'model.layers.0.mlp.up_proj.lora_A.weight': [[2, 3]],
      [A('a.up_proj')]: [[2, 3]],
      [B('a.up_proj')]: [[4, 3]],
      [A('b.up_proj')]: [[1, 3]],
      [B('b.up_proj')]: [[4, 1]],
      [A('c.down_proj')]: [[2, 3]],
      [B('c.down_proj')]: [[4, 2]],
      [A('d.up_proj')]: [[6]],
      [B('d.up_proj')]: [[4, 2]],
      [A('e.up_proj')]: [
        [2, 3],
        [1, 2, NaN, 4, 5, 6],
      ],
      [B('e.up_proj')]: [
        [4, 2],
        [1, 2, 3, 4, -Infinity, 6, 7, 8],
      ],
    });
    expect((await refusals(readAdapterFolder(folder))).toSorted()).toEqual(
      [
        `missing-partner ${A(Q)}`,
        'unusable-tensor base_model.model.x.lora_magnitude_vector',
        'missing-partner base_model.model.x.lora_embedding_A',
        'unusable-tensor base_model.model.lm_head.weight',
        'unusable-tensor model.layers.0.mlp.up_proj.lora_A.weight',
        'rank-disagreement a.up_proj',
        'rank-mismatch b.up_proj',
        'not-targeted c.down_proj',
        `bad-shape ${A('d.up_proj')}`,
        `not-finite ${A('e.up_proj')}`,
        `not-finite ${B('e.up_proj')}`,
      ].toSorted(),
    );
  });

  it('a file without LoRA tensors', async () => {
    await writeRaw({});
    expect(await refusals(readAdapterFolder(folder))).toEqual(['no-modules adapter_model.safetensors']);
  });

  it('what the config asks for and cannot be had, beside findings of the file', async () => {
    await writeRaw({ [A(Q)]: [[2, 3]] }, { use_dora: true, init_lora_weights: 'pissa' });
    expect(await refusals(readAdapterFolder(folder))).toEqual([
      'lora-unsupported init_lora_weights',
      `missing-partner ${A(Q)}`,
    ]);
  });

  it('a broken config beside a broken file', async () => {
    await writeFile(inFolder('adapter_config.json'), '{"peft_type":"LORA","r":0}');
    await writeFile(inFolder('adapter_model.safetensors'), 'nonsense nonsense');
    expect(await refusals(readAdapterFolder(folder))).toEqual([
      'lora-config adapter_config.json r',
      'lora-config adapter_config.json target_modules',
      'header-too-large adapter_model.safetensors',
    ]);
  });
});

describe('readAdapterFolder', () => {
  it('reads what PEFT wrote: patterns, rslora, a regular expression and a combination', async () => {
    const patterns = await readAdapterFolder(fixture('lora-patterns/patterns'));
    expect(patterns.config.use_rslora).toBe(true);
    const ranks = new Set([...patterns.modules.values()].map(({ r }) => r));
    expect(ranks.size).toBeGreaterThan(1);
    for (const name of ['lora-patterns/regex', 'llama-tiny/adapter', 'combine/cat-three-unequal']) {
      const { modules, warnings } = await readAdapterFolder(fixture(name));
      expect(modules.size).toBeGreaterThan(0);
      expect(warnings).toEqual([]);
    }
  });

  it('warns of an adapter that was never trained', async () => {
    await writeRaw({
      [A(Q)]: [[2, 3]],
      [B(Q)]: [
        [4, 2],
        [0, 0, 0, 0, 0, 0, 0, -0],
      ],
    });
    const { warnings } = await readAdapterFolder(folder);
    expect(warnings.map((finding) => finding.code)).toEqual(['no-effect']);
  });
});

describe('writeAdapterFolder', () => {
  it('refuses modules that a loader would compute differently, all of them at once, and writes nothing', async () => {
    const modules = [
      lora('a.q_proj', { r: 1, A: new Float32Array(3), B: new Float32Array(4) }),
      lora('b.q_proj', { scaling: 1 }),
      lora('c.k_proj'),
      lora('d.q_proj', { A: new Float32Array(5) }),
      lora('e.q_proj', { B: new Float32Array(8).fill(NaN) }),
    ];
    expect(await refusals(writeAdapterFolder(inFolder('out'), { config, modules }))).toEqual([
      'rank-mismatch a.q_proj',
      'not-targeted c.k_proj',
      'scaling-mismatch a.q_proj',
      'scaling-mismatch b.q_proj',
      'bad-shape d.q_proj',
      'not-finite e.q_proj',
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses values that overflow in the stored type, and only there', async () => {
    const modules = [lora(Q, { B: new Float32Array(8).fill(70_000) })];
    const asF16 = writeAdapterFolder(inFolder('half'), { config, modules }, { dtype: 'F16' });
    await expect(asF16).rejects.toThrow(/value 0 of B is 70000, which as F16 is Infinity/);
    await writeAdapterFolder(inFolder('brain'), { config, modules }, { dtype: 'BF16' });
  });

  it('refuses an adapter without modules', async () => {
    expect(await refusals(writeAdapterFolder(inFolder('out'), { config, modules: [] }))).toEqual([
      'no-modules adapter_model.safetensors',
    ]);
  });

  it('refuses a folder that exists, unless it may be replaced', async () => {
    const path = inFolder('out');
    await writeAdapterFolder(path, { config, modules: [lora(Q)] });
    await expect(writeAdapterFolder(path, { config, modules: [lora(UP)] })).rejects.toMatchObject({
      code: 'folder-exists',
    });
    await writeAdapterFolder(path, { config, modules: [lora(UP)] }, { replace: true });
    expect([...(await readAdapterFolder(path)).modules.keys()]).toEqual([UP]);
  });

  it('gives back what it wrote', async () => {
    const modules = [lora(Q), lora(UP, { B: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 1e-30) })];
    await writeAdapterFolder(
      inFolder('out'),
      { config, modules },
      { readme: '# Card\n', files: { 'metrics.jsonl': '{}\n' } },
    );
    const back = await readAdapterFolder(inFolder('out'));
    expect(back.config).toEqual({ ...config, inference_mode: true });
    expect(new Set(back.modules.values())).toEqual(new Set(modules));
    expect((await readdir(inFolder('out'))).toSorted()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'metrics.jsonl',
    ]);
  });

  it('writes all-linear as names that every PEFT version and server knows', async () => {
    const modules = [lora(Q), lora(UP)];
    await writeAdapterFolder(inFolder('out'), { config: { ...config, target_modules: 'all-linear' }, modules });
    const written = JSON.parse(await readFile(inFolder('out', 'adapter_config.json'), 'utf8')) as object;
    expect(written).toMatchObject({ target_modules: ['q_proj', 'up_proj'], inference_mode: true });
  });

  it("copies PEFT's own folders without changing a byte of the weights", async () => {
    for (const name of ['lora-patterns/patterns', 'combine/svd-three-unequal']) {
      const adapter = await readAdapterFolder(fixture(name));
      await writeAdapterFolder(
        inFolder('out'),
        { config: adapter.config, modules: adapter.modules.values() },
        { replace: true },
      );
      const [ours, theirs] = await Promise.all(
        [inFolder('out'), fixture(name)].map((path) => readFile(join(path, 'adapter_model.safetensors'))),
      );
      expect(ours?.equals(theirs as Buffer)).toBe(true);
      await cp(inFolder('out'), inFolder('copy'), { recursive: true });
      expect((await readAdapterFolder(inFolder('copy'))).modules).toEqual(adapter.modules);
      await rm(inFolder('copy'), { recursive: true });
    }
  });
});
