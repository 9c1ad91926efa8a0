import { expect, test } from 'vitest';
import { parseLoraConfig } from '../methods/lora-config-file.ts';
import { flattenedConfig, flattenedRank, missingLayers } from './flattened-config.ts';

const linears = [0, 1].flatMap((layer) => ['q_proj', 'v_proj'].map((name) => `model.layers.${layer}.attn.${name}`));
const [q0 = '', v0 = '', q1 = '', v1 = ''] = linears;
const targets = (config: object, modules: readonly string[], known?: readonly string[]): unknown =>
  flattenedConfig(parseLoraConfig({ target_modules: ['q_proj'], ...config }), modules, 8, known).target_modules;

test('names the last parts of modules only where they select no others', () => {
  expect(targets({}, [q0, q1], linears)).toEqual(['q_proj']);
  expect(targets({}, [q0, v0, v1], linears)).toEqual([q0, v0, v1]);
  expect(targets({}, [q0, q1])).toEqual(['q_proj']);
  expect(targets({ layers_to_transform: [0] }, [q0])).toEqual([q0]);
  expect(targets({ target_modules: '.*0.*q_proj' }, [q0])).toEqual([q0]);
});

test('clears every pattern and takes alpha for the rank', () => {
  const patterned = { use_rslora: true, rank_pattern: { q: 2 }, alpha_pattern: { q: 3 }, lora_dropout: 0.1 };
  const config = parseLoraConfig({ target_modules: ['q_proj'], ...patterned });
  expect(flattenedConfig(config, [q0], flattenedRank([{ r: 2 }, { r: 16 }]), undefined)).toMatchObject({
    r: 16,
    lora_alpha: 16,
    use_rslora: false,
    rank_pattern: {},
    alpha_pattern: {},
    lora_dropout: 0.1,
  });
});

test('a layer lacks what another layer has', () => {
  const sizes = linears.map((module) => ({ module }));
  expect(missingLayers([q0], sizes)).toEqual([{ module: q1 }]);
  expect(missingLayers([q0, q1], sizes)).toEqual([]);
});
